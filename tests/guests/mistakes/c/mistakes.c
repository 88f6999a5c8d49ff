// Makes the mistake that its input names.
#include "sandglass.h"
#include <assert.h>
#include <stdio.h>

bool exports_workflow_run(workflow_list_payload_t *input, workflow_payload_t *result, workflow_failure_t *failure) {
  const char *which = cJSON_GetStringValue(decode_first(input));
  if (which == NULL)
    return fail(failure, "BadPayload", "no mistake is named");
  assert(strcmp(which, "panic") != 0 && "the stock is inconsistent");
  if (strcmp(which, "abort") == 0) {
    fputs("the stock is gone\n", stderr);
    abort();
  }
  if (strcmp(which, "exit") == 0)
    exit(3);
  *result = encode(cJSON_CreateString("none"));
  if (strcmp(which, "not-utf-8") == 0)
    memset(result->val.json.ptr, 0xff, result->val.json.len);
  return true;
}
