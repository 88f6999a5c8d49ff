// Tries an activity a few times, and says how it ended.
#include "sandglass.h"

// The activity's own failure is the cause of the one that says that it was given up.
static bool is_out_of_stock(const types_failure_t *failure) {
  if (failure->causes.len == 0 || failure->causes.ptr[0].info.tag != TYPES_FAILURE_INFO_APPLICATION)
    return false;
  workflow_string_t type = failure->causes.ptr[0].info.val.application.error_type;
  return type.len == strlen("OutOfStock") && memcmp(type.ptr, "OutOfStock", type.len) == 0;
}

// Its input goes to the activity `flaky`.
bool exports_workflow_run(workflow_list_payload_t *input, workflow_payload_t *result, workflow_failure_t *failure) {
  workflow_string_t not_retried[] = {TEXT("OutOfStock")};
  activities_activity_options_t options = {
      .start_to_close_timeout = SOME(10),
      .retry_policy = SOME({
          .initial_interval = SOME(0.1),
          .maximum_attempts = SOME(3),
          .non_retryable_error_types = SOME({not_retried, 1}),
      }),
  };
  if (execute("flaky", (activities_list_payload_t){input->ptr, input->len}, &options, result, failure))
    return true;
  if (!is_out_of_stock(failure))
    return false;
  types_failure_free(failure);
  *result = encode(cJSON_CreateString("ordered elsewhere"));
  return true;
}
