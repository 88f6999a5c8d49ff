// Composes a greeting, and cleans up when asked to stop.
#include "sandglass.hpp"

using namespace sandglass;

static const Options options{
    .start_to_close_timeout = {.is_some = true, .val = 300},
    .heartbeat_timeout = {.is_some = true, .val = 30},
};

Result<Payload> run(Arguments input) {
  auto greeting = start("cancellable_activity", input, options);
  auto slept = sandglass::sleep(3);
  activities_cancel(greeting);
  return std::move(slept).and_then([=] { return outcome(greeting); }).or_else([](Failure failure) -> Result<Payload> {
    // Whoever cancels the workflow meanwhile does not cut the cleanup short.
    Shield shield;
    auto cleaned = execute("cleanup", {}, options);
    return std::unexpected(cleaned ? std::move(failure) : std::move(cleaned.error()));
  });
}
