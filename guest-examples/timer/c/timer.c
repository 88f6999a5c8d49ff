// Sleeps, and cancels a timer that is not needed any more. The host may stop and start meanwhile.
#include "sandglass.h"
#include <stdio.h>

// Sleeps for as many seconds as its input says, or for one.
bool exports_workflow_run(workflow_list_payload_t *input, workflow_payload_t *result, workflow_failure_t *failure) {
  cJSON *given = decode_first(input);
  if (!cJSON_IsNumber(given) && !cJSON_IsNull(given))
    return fail(failure, "BadPayload", "the input is no number");
  if (cJSON_IsNull(given))
    given = cJSON_CreateNumber(1);
  types_operation_t deadline = timers_start(3600);
  if (!timers_sleep(cJSON_GetNumberValue(given), failure))
    return false;
  timers_cancel(deadline);
  char *seconds = cJSON_PrintUnformatted(given), *text;
  asprintf(&text, "slept for %s s", seconds);
  *result = encode(cJSON_CreateString(text));
  free(seconds);
  free(text);
  cJSON_Delete(given);
  return true;
}
