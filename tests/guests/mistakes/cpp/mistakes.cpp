// Makes the mistake that its input names.
#include "sandglass.hpp"
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstdio>

using namespace sandglass;

static void wait_for_the_clock() {
  using clock = std::chrono::system_clock;
  for (auto begin = clock::now(); clock::now() < begin + std::chrono::seconds(1);)
    ;
}

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
  if (which == "clock")
    wait_for_the_clock();
  if (which == "file" && std::fopen("/stock.txt", "r") == nullptr)
    return fail("NoStock", strerror(errno));
  auto result = encode("none");
  if (which == "not-utf-8")
    result->val.json.ptr[0] = 0xff;
  if (which == "wild-pointer")
    result->val.json.ptr = reinterpret_cast<uint8_t *>(UINTPTR_MAX);
  return result;
}
