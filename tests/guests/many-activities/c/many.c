// Executes as many activities as its input says, some at a time, and counts the letters of their results, or of why they failed.
#include "sandglass.h"

enum { AT_ONCE = 200 };

static activities_activity_options_t options = {.start_to_close_timeout = SOME(10)};

static types_operation_t start(int number) {
  workflow_string_t step = TEXT("step");
  types_payload_t argument = encode(cJSON_CreateNumber(number));
  types_operation_t activity = activities_start(&step, &ARGUMENTS(argument), &options);
  types_payload_free(&argument);
  return activity;
}

// Waits for a step, and adds the letters.
static bool finish(types_operation_t activity, double *length, workflow_failure_t *failure) {
  types_payload_t answer;
  if (!activities_outcome(activity, &answer, failure)) {
    *length += failure->causes.ptr[0].message.len;
    types_failure_free(failure);
    return true;
  }
  cJSON *json = decode(&answer);
  types_payload_free(&answer);
  const char *text = cJSON_GetStringValue(json);
  *length += text ? strlen(text) : 0;
  cJSON_Delete(json);
  return text || fail(failure, "BadPayload", "a step returns a text");
}

bool exports_workflow_run(workflow_list_payload_t *input, workflow_payload_t *result, workflow_failure_t *failure) {
  cJSON *count = decode_first(input);
  if (!cJSON_IsNumber(count))
    return fail(failure, "BadPayload", "the input is how many");
  types_operation_t running[AT_ONCE];
  double length = 0;
  for (int done = 0; done < count->valueint; done += AT_ONCE) {
    for (int i = 0; i < AT_ONCE; i++)
      running[i] = start(done + i);
    for (int i = 0; i < AT_ONCE; i++)
      if (!finish(running[i], &length, failure))
        return false;
  }
  *result = encode(cJSON_CreateNumber(length));
  return true;
}
