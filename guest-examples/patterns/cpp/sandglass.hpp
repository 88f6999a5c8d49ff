// The generated bindings of C for C++: what is owned is freed, and what can fail is a `std::expected`. It is no SDK: what a workflow calls are
// the bindings. Copy it, and change it as you like.
#pragma once

#include "bindings/workflow.h"
#include "cJSON.h"
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandglass {

// A value of the bindings, freed unless it is handed on.
template <class T, void (*Free)(T *)> class Owned {
public:
  Owned() = default;
  explicit Owned(T value) : value_(value) {}
  Owned(Owned &&other) noexcept : value_(other.release()) {}
  Owned &operator=(Owned &&other) noexcept { return std::swap(value_, other.value_), *this; }
  ~Owned() { Free(&value_); }

  T *operator->() { return &value_; }
  const T *operator->() const { return &value_; }
  T *get() { return &value_; }
  const T &operator*() const { return value_; }
  T release() { return std::exchange(value_, T{}); }

private:
  T value_{};
};

using Payload = Owned<types_payload_t, types_payload_free>;
using Failure = Owned<types_failure_t, types_failure_free>;
using Signal = Owned<signals_signal_t, signals_signal_free>;
using Json = std::unique_ptr<cJSON, decltype([](cJSON *json) { cJSON_Delete(json); })>;
using Operation = types_operation_t;
using Options = activities_activity_options_t;
template <class T> using Result = std::expected<T, Failure>;

// While it lives, no cancel request interrupts a call.
struct Shield {
  Shield() { cancellation_shield(); }
  Shield(const Shield &) = delete;
  ~Shield() { cancellation_unshield(); }
};

// A string for a call; it stays the caller's.
inline workflow_string_t borrow(std::string_view text) { return {(uint8_t *)text.data(), text.size()}; }

inline std::string_view view(const workflow_string_t &text) { return {(const char *)text.ptr, text.len}; }

inline std::unexpected<Failure> fail(std::string_view type, std::string_view message, bool non_retryable = true) {
  auto type_text = borrow(type), text = borrow(message);
  Failure failure;
  failures_application(&text, &type_text, non_retryable, failure.get());
  return std::unexpected(std::move(failure));
}

// What a call of the bindings made, or why it failed.
template <class T, class Call> Result<T> attempt(Call call) {
  T made{};
  Failure failure;
  if (!call(&made, failure.get()))
    return std::unexpected(std::move(failure));
  return made;
}

template <class T, class Call>
  requires requires(T it) { it.release(); }
Result<T> attempt(Call call) {
  T made;
  Failure failure;
  if (!call(made.get(), failure.get()))
    return std::unexpected(std::move(failure));
  return made;
}

inline Result<void> sleep(double seconds) {
  Failure failure;
  if (!timers_sleep(seconds, failure.get()))
    return std::unexpected(std::move(failure));
  return {};
}

// Arguments as the bindings take them; they stay the caller's.
using Arguments = std::span<const types_payload_t>;

inline activities_list_payload_t borrow(Arguments arguments) {
  return {const_cast<types_payload_t *>(arguments.data()), arguments.size()};
}

inline Operation start(std::string_view type, Arguments arguments, Options options) {
  auto name = borrow(type);
  auto list = borrow(arguments);
  return activities_start(&name, &list, &options);
}

inline Result<Payload> outcome(Operation activity) {
  return attempt<Payload>([=](auto *made, auto *failure) { return activities_outcome(activity, made, failure); });
}

inline Result<Payload> execute(std::string_view type, Arguments arguments, Options options) {
  return outcome(start(type, arguments, options));
}

inline Operation on_signal(std::string_view name) {
  auto text = borrow(name);
  return signals_on_signal(&text);
}

inline select_list_operation_t borrow(std::span<Operation> any) { return {any.data(), any.size()}; }

// The payload that holds this JSON.
inline Payload encode(const Json &value) {
  char *text = cJSON_PrintUnformatted(value.get());
  return Payload({.tag = TYPES_PAYLOAD_JSON, .val = {.json = borrow(text)}});
}

inline Payload encode(const std::string &text) { return encode(Json(cJSON_CreateString(text.c_str()))); }

// The JSON of a payload; null if it is none.
inline Json decode(const types_payload_t &payload) {
  switch (payload.tag) {
  case TYPES_PAYLOAD_NIL:
    return Json(cJSON_CreateNull());
  case TYPES_PAYLOAD_JSON:
    return Json(cJSON_ParseWithLength((char *)payload.val.json.ptr, payload.val.json.len));
  default:
    return nullptr;
  }
}

// The same of the first argument; without one it is JSON's null.
inline Json decode(Arguments arguments) {
  return arguments.empty() ? Json(cJSON_CreateNull()) : decode(arguments.front());
}

inline void publish(std::string_view name, const std::string &value) {
  auto text = borrow(name);
  auto payload = encode(value);
  execution_publish(&text, payload.get());
}

} // namespace sandglass

// The workflow, which this file's includer defines.
sandglass::Result<sandglass::Payload> run(sandglass::Arguments input);

extern "C" inline __attribute__((used)) bool exports_workflow_run(workflow_list_payload_t *input, workflow_payload_t *result,
                                                                  workflow_failure_t *failure) {
  auto ended = run({input->ptr, input->len});
  workflow_list_payload_free(input);
  if (ended)
    *result = ended->release();
  else
    *failure = ended.error().release();
  return ended.has_value();
}
