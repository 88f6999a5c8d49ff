// Makes the mistake that its input names.
#include "sandglass.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static void wait_for_the_clock(void) {
  time_t begin = time(NULL);
  while (time(NULL) < begin + 1)
    ;
}

static void *work(void *with) { return with; }

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
  if (strcmp(which, "clock") == 0)
    wait_for_the_clock();
  if (strcmp(which, "file") == 0 && fopen("/stock.txt", "r") == NULL)
    return fail(failure, "NoStock", strerror(errno));
  pthread_t thread;
  int refused = strcmp(which, "thread") == 0 ? pthread_create(&thread, NULL, work, NULL) : 0;
  if (refused != 0)
    return fail(failure, "NoThread", strerror(refused));
  *result = encode(cJSON_CreateString("none"));
  if (strcmp(which, "not-utf-8") == 0)
    memset(result->val.json.ptr, 0xff, result->val.json.len);
  if (strcmp(which, "wild-pointer") == 0)
    result->val.json.ptr = (uint8_t *)UINTPTR_MAX;
  return true;
}
