// What a workflow can make of a cancel request. Its input says which; none is `cleanup`.
#include "sandglass.h"

enum { AN_HOUR = 3600 };

static bool ended(workflow_payload_t *result, const char *how) {
  *result = encode(cJSON_CreateString(how));
  return true;
}

static bool activity(const char *type, types_failure_t *failure) {
  activities_activity_options_t options = {.start_to_close_timeout = SOME(10)};
  types_payload_t result;
  bool done = execute(type, NO_ARGUMENTS, &options, &result, failure);
  if (done)
    types_payload_free(&result);
  return done;
}

static bool cleans_up(workflow_failure_t *failure) {
  if (timers_sleep(AN_HOUR, failure))
    return true;
  // The request has interrupted the sleep; it does not interrupt what follows.
  types_failure_t worse;
  if (!activity("cleanup", &worse)) {
    types_failure_free(failure);
    *failure = worse;
  }
  return false;
}

static bool fails(workflow_failure_t *failure) {
  if (timers_sleep(AN_HOUR, failure))
    return true;
  types_failure_free(failure);
  workflow_string_t type = TEXT("CleanupFailed"), message = TEXT("the cleanup failed");
  failures_application(&message, &type, false, failure);
  return false;
}

static bool shields(workflow_failure_t *failure) {
  cancellation_shield();
  bool charged = activity("charge", failure);
  cancellation_unshield();
  // A request that came during the charge interrupts this sleep.
  return charged && timers_sleep(AN_HOUR, failure);
}

bool exports_workflow_run(workflow_list_payload_t *input, workflow_payload_t *result, workflow_failure_t *failure) {
  cJSON *decoded = decode_first(input);
  const char *given = cJSON_IsNull(decoded) ? "cleanup" : cJSON_GetStringValue(decoded);
  if (given == NULL)
    return fail(failure, "BadPayload", "the behaviour is no string");
  bool slept;
  if (strcmp(given, "cleanup") == 0)
    slept = cleans_up(failure);
  else if (strcmp(given, "nothing") == 0)
    slept = timers_sleep(AN_HOUR, failure);
  else if (strcmp(given, "swallow") == 0)
    return ended(result, timers_sleep(AN_HOUR, failure) ? "not canceled" : "swallowed");
  else if (strcmp(given, "fail") == 0)
    slept = fails(failure);
  else if (strcmp(given, "shield") == 0)
    slept = shields(failure);
  else
    return fail(failure, "BadPayload", "there is no such behaviour");
  return slept && ended(result, "not canceled");
}
