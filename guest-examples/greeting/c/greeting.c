// Composes a greeting, and cleans up when asked to stop.
#include "sandglass.h"

static activities_activity_options_t options = {
    .start_to_close_timeout = SOME(300),
    .heartbeat_timeout = SOME(30),
};

// Whoever cancels the workflow meanwhile does not cut the cleanup short.
static bool clean_up(types_failure_t *failure) {
  types_payload_t cleaned;
  cancellation_shield();
  bool done = execute("cleanup", NO_ARGUMENTS, &options, &cleaned, failure);
  cancellation_unshield();
  if (done)
    types_payload_free(&cleaned);
  return done;
}

bool exports_workflow_run(workflow_list_payload_t *input, workflow_payload_t *result, workflow_failure_t *failure) {
  workflow_string_t type = TEXT("cancellable_activity");
  activities_list_payload_t arguments = {input->ptr, input->len};
  types_operation_t greeting = activities_start(&type, &arguments, &options);
  bool slept = timers_sleep(3, failure);
  activities_cancel(greeting);
  if (slept && activities_outcome(greeting, result, failure))
    return true;
  types_failure_t worse;
  if (!clean_up(&worse)) {
    types_failure_free(failure);
    *failure = worse;
  }
  return false;
}
