// Waits for somebody to approve, but not for ever.
#include "sandglass.h"
#include <stdio.h>

enum { A_DAY = 24 * 3600 };

// Who approved: the signal's argument, or else who sent it.
static bool approved(workflow_payload_t *result, workflow_failure_t *failure) {
  workflow_string_t name = TEXT("approve");
  signals_signal_t signal;
  if (!signals_receive(&name, &signal, failure))
    return false;
  cJSON *given = signal.input.len > 0 ? decode(&signal.input.ptr[0]) : NULL;
  const char *by = cJSON_GetStringValue(given);
  int length = by ? (int)strlen(by) : (int)signal.identity.len;
  char *text;
  asprintf(&text, "approved by %.*s", length, by ? by : (char *)signal.identity.ptr);
  *result = encode(cJSON_CreateString(text));
  free(text);
  cJSON_Delete(given);
  signals_signal_free(&signal);
  return true;
}

bool exports_workflow_run(workflow_list_payload_t *, workflow_payload_t *result, workflow_failure_t *failure) {
  publish("status", cJSON_CreateString("waiting"));
  types_operation_t approve = on_signal("approve"), reject = on_signal("reject"), first;
  select_list_operation_t any = {(types_operation_t[]){approve, reject, timers_start(A_DAY)}, 3};
  // The first wins; the timer is canceled unless it was the timer.
  if (!select_race(&any, &first, failure))
    return false;
  if (first == reject)
    return fail(failure, "NotApproved", "rejected");
  if (first != approve)
    return fail(failure, "NotApproved", "nobody approved within a day");
  publish("status", cJSON_CreateString("approved"));
  return approved(result, failure);
}
