// A change of code that leaves the runs before it as they were: they go on to call `greet`.
#include "sandglass.hpp"

using namespace sandglass;

Result<Payload> run(Arguments input) {
  auto politeness = borrow("politeness");
  // Once no run from before is open: `execution_deprecate_patch`, and only the new side stays.
  auto activity = execution_patched(&politeness) ? "greet_politely" : "greet";
  return execute(activity, input, {.start_to_close_timeout = {.is_some = true, .val = 10}});
}
