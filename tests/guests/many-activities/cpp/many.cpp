// Executes as many activities as its input says, some at a time, and counts the letters of their results, or of why they failed.
#include "sandglass.hpp"
#include <array>

using namespace sandglass;

static const Options step{.start_to_close_timeout = {.is_some = true, .val = 10}};

static Operation start(int number) {
  auto argument = encode(Json(cJSON_CreateNumber(number)));
  return start("step", {argument.get(), 1}, step);
}

static Result<double> letters(Operation activity) {
  auto ended = outcome(activity);
  if (!ended)
    return view(ended.error()->causes.ptr[0].message).size();
  auto text = decode(**ended);
  if (!cJSON_IsString(text.get()))
    return fail("BadPayload", "a step returns a text");
  return std::string_view(cJSON_GetStringValue(text.get())).size();
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
      auto counted = letters(activity);
      if (!counted)
        return std::unexpected(std::move(counted.error()));
      length += *counted;
    }
  }
  return encode(Json(cJSON_CreateNumber(length)));
}
