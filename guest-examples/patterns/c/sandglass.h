// What spares C some noise around the generated bindings: strings, JSON in payloads, arguments. It is no SDK: what a workflow calls are the
// bindings. Copy it, and change it as you like.
//
// What a workflow receives is its own: it frees it, or leaves that to the end of the run, when all its memory goes. What it returns is freed
// for it, so that it must be allocated.
#ifndef SANDGLASS_H
#define SANDGLASS_H

#include "bindings/workflow.h"
#include "cJSON.h"
#include <stdlib.h>
#include <string.h>

// An option that is given. Those that are left out are none.
#define SOME(...) {.is_some = true, .val = __VA_ARGS__}

// A string for a call; it stays the caller's.
#define TEXT(chars) ((workflow_string_t){(uint8_t *)(chars), strlen(chars)})

// The arguments of a call: an array of payloads, or none.
#define ARGUMENTS(...) ((activities_list_payload_t){(types_payload_t[]){__VA_ARGS__}, sizeof((types_payload_t[]){__VA_ARGS__}) / sizeof(types_payload_t)})
#define NO_ARGUMENTS ((activities_list_payload_t){NULL, 0})

// The payload that holds this JSON, which is freed.
static inline types_payload_t encode(cJSON *value) {
  char *text = cJSON_PrintUnformatted(value);
  cJSON_Delete(value);
  return (types_payload_t){.tag = TYPES_PAYLOAD_JSON, .val.json = TEXT(text)};
}

// The JSON of a payload, to be freed; NULL if it is none.
static inline cJSON *decode(const types_payload_t *payload) {
  switch (payload->tag) {
  case TYPES_PAYLOAD_NIL:
    return cJSON_CreateNull();
  case TYPES_PAYLOAD_JSON:
    return cJSON_ParseWithLength((char *)payload->val.json.ptr, payload->val.json.len);
  default:
    return NULL;
  }
}

// The same of the first argument; without one it is null.
static inline cJSON *decode_first(const workflow_list_payload_t *input) {
  return input->len > 0 ? decode(&input->ptr[0]) : cJSON_CreateNull();
}

// Makes the failure that ends a workflow; always false, which says so.
static inline bool fail(workflow_failure_t *failure, const char *error_type, const char *message) {
  workflow_string_t type = TEXT(error_type), text = TEXT(message);
  failures_application(&text, &type, true, failure);
  return false;
}

// Calls an activity and waits for it.
static inline bool execute(const char *activity_type, activities_list_payload_t input, activities_activity_options_t *options,
                           types_payload_t *result, types_failure_t *failure) {
  workflow_string_t type = TEXT(activity_type);
  return activities_execute(&type, &input, options, result, failure);
}

// Shows a value to queries.
static inline void publish(const char *name, cJSON *value) {
  workflow_string_t text = TEXT(name);
  types_payload_t payload = encode(value);
  execution_publish(&text, &payload);
  types_payload_free(&payload);
}

// What stands for messages of that name.
static inline types_operation_t on_signal(const char *name) {
  workflow_string_t text = TEXT(name);
  return signals_on_signal(&text);
}

#endif
