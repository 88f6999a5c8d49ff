// Waits for somebody to approve, but not for ever.
#include "sandglass.hpp"

using namespace sandglass;

static constexpr double a_day = 24 * 3600;

static Result<Signal> receive(std::string_view name) {
  return attempt<Signal>([=](auto *made, auto *failure) {
    auto text = borrow(name);
    return signals_receive(&text, made, failure);
  });
}

Result<Payload> run(Arguments) {
  publish("status", "waiting");
  Operation any[] = {on_signal("approve"), on_signal("reject"), timers_start(a_day)};
  // The first wins; the timer is canceled unless it was the timer.
  auto first = attempt<Operation>([&](auto *made, auto *failure) {
    auto list = borrow(any);
    return select_race(&list, made, failure);
  });
  if (!first)
    return std::unexpected(std::move(first.error()));
  if (*first != any[0])
    return fail("NotApproved", *first == any[1] ? "rejected" : "nobody approved within a day");
  publish("status", "approved");
  return receive("approve").transform([](Signal approval) {
    auto given = decode({approval->input.ptr, approval->input.len});
    auto *name = cJSON_GetStringValue(given.get());
    return encode("approved by " + std::string(name ? name : view(approval->identity)));
  });
}
