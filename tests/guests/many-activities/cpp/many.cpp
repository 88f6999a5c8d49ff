// Executes as many activities as its input says, some at a time, and keeps little of what they return.
#include "sandglass.hpp"
#include <array>

using namespace sandglass;

static const Options step{.start_to_close_timeout = {.is_some = true, .val = 10}};

static Operation start(int number) {
  auto argument = encode(Json(cJSON_CreateNumber(number)));
  return start("step", {argument.get(), 1}, step);
}

// How long the text is that a step returns.
static Result<double> finish(Operation activity) {
  return outcome(activity).and_then([](Payload answer) -> Result<double> {
    auto text = decode(*answer);
    if (!cJSON_IsString(text.get()))
      return fail("BadPayload", "a step returns a text");
    return std::string_view(cJSON_GetStringValue(text.get())).size();
  });
}

Result<Payload> run(Arguments input) {
  auto count = decode(input);
  if (!cJSON_IsNumber(count.get()))
    return fail("BadPayload", "the input is how many");
  std::array<Operation, 200> running;
  double length = 0;
  for (int done = 0; done < count->valueint; done += running.size()) {
    for (int number = done; auto &activity : running)
      activity = start(number++);
    for (auto activity : running) {
      auto finished = finish(activity);
      if (!finished)
        return std::unexpected(std::move(finished.error()));
      length += *finished;
    }
  }
  return encode(Json(cJSON_CreateNumber(length)));
}
