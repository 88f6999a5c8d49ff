// What a workflow can make of a cancel request. Its input says which; none is `cleanup`.
#include "sandglass.hpp"

using namespace sandglass;

static constexpr double an_hour = 3600;

static Result<void> activity(std::string_view type) {
  return execute(type, {}, {.start_to_close_timeout = {.is_some = true, .val = 10}}).transform([](Payload) {});
}

static Result<void> clean_up() {
  return sandglass::sleep(an_hour).or_else([](Failure canceled) -> Result<void> {
    // The request has interrupted the sleep; it does not interrupt what follows.
    auto cleaned = activity("cleanup");
    return std::unexpected(cleaned ? std::move(canceled) : std::move(cleaned.error()));
  });
}

static Result<void> fail_instead() {
  if (sandglass::sleep(an_hour))
    return {};
  return fail("CleanupFailed", "the cleanup failed", false);
}

static Result<void> charge() {
  Shield shield;
  return activity("charge");
}

static Result<void> behave(std::string_view behaviour) {
  if (behaviour == "cleanup")
    return clean_up();
  if (behaviour == "nothing")
    return sandglass::sleep(an_hour);
  if (behaviour == "fail")
    return fail_instead();
  if (behaviour == "shield") // A request that came during the charge interrupts this sleep.
    return charge().and_then([] { return sandglass::sleep(an_hour); });
  return fail("BadPayload", "there is no such behaviour");
}

Result<Payload> run(Arguments input) {
  auto given = decode(input);
  if (!cJSON_IsString(given.get()) && !cJSON_IsNull(given.get()))
    return fail("BadPayload", "the behaviour is no string");
  std::string_view behaviour = cJSON_IsNull(given.get()) ? "cleanup" : cJSON_GetStringValue(given.get());
  if (behaviour == "swallow")
    return encode(sandglass::sleep(an_hour) ? "not canceled" : "swallowed");
  return behave(behaviour).transform([] { return encode("not canceled"); });
}
