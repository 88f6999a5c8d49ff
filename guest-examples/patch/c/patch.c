// A change of code that leaves the runs before it as they were: they go on to call `greet`.
#include "sandglass.h"

bool exports_workflow_run(workflow_list_payload_t *input, workflow_payload_t *result, workflow_failure_t *failure) {
  activities_activity_options_t options = {.start_to_close_timeout = SOME(10)};
  workflow_string_t politeness = TEXT("politeness");
  // Once no run from before is open: `execution_deprecate_patch`, and only the new side stays.
  const char *activity = execution_patched(&politeness) ? "greet_politely" : "greet";
  return execute(activity, (activities_list_payload_t){input->ptr, input->len}, &options, result, failure);
}
