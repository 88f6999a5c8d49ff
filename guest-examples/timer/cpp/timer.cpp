// Sleeps, and cancels a timer that is not needed any more. The host may stop and start meanwhile.
#include "sandglass.hpp"
#include <charconv>

using namespace sandglass;

static std::string shortest(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

// Sleeps for as many seconds as its input says, or for one.
Result<Payload> run(Arguments input) {
  auto given = decode(input);
  if (!cJSON_IsNumber(given.get()) && !cJSON_IsNull(given.get()))
    return fail("BadPayload", "the input is no number");
  double seconds = cJSON_IsNull(given.get()) ? 1 : cJSON_GetNumberValue(given.get());
  auto deadline = timers_start(3600);
  return sandglass::sleep(seconds).transform([=] {
    timers_cancel(deadline);
    return encode("slept for " + shortest(seconds) + " s");
  });
}
