// Makes the mistake that its input names.
#include "sandglass.hpp"
#include <cassert>

using namespace sandglass;

Result<Payload> run(Arguments input) {
  auto given = decode(input);
  if (!cJSON_IsString(given.get()))
    return fail("BadPayload", "no mistake is named");
  std::string_view which = cJSON_GetStringValue(given.get());
  assert(which != "panic" && "the stock is inconsistent");
  if (which == "out-of-bounds")
    return encode(std::vector<std::string>().at(which.size()));
  if (which == "exit")
    std::exit(3);
  auto result = encode("none");
  if (which == "not-utf-8")
    result->val.json.ptr[0] = 0xff;
  return result;
}
