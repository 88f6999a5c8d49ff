// Reserves, charges and ships an order; undoes it, newest first, when it fails or is canceled.
#include "sandglass.h"
#include <stdio.h>

enum { SHIP_AT_ONCE = 3, STEPS = 2, A_DAY = 24 * 3600 };

// An order, and how far it has come.
typedef struct {
  cJSON *json;
  const char *id;
  cJSON *items;
  double amount;
  const char *undo[STEPS];
  int undo_len;
} order_t;

// The steps that are under way, oldest first, and the item of each.
typedef struct {
  types_operation_t operations[SHIP_AT_ONCE];
  int items[SHIP_AT_ONCE];
  int len;
} running_t;

static const activities_activity_options_t step_options = {.start_to_close_timeout = SOME(10)};

static bool is_name(const cJSON *json) { return cJSON_IsString(json) && *json->valuestring; }

static bool are_names(const cJSON *json) {
  const cJSON *item;
  cJSON_ArrayForEach(item, json) if (!is_name(item)) return false;
  return cJSON_IsArray(json);
}

static bool read_order(const workflow_list_payload_t *input, order_t *order, workflow_failure_t *failure) {
  cJSON *given = decode_first(input);
  cJSON *id = cJSON_DetachItemFromObjectCaseSensitive(given, "id");
  cJSON *items = cJSON_DetachItemFromObjectCaseSensitive(given, "items");
  cJSON *amount = cJSON_DetachItemFromObjectCaseSensitive(given, "amount");
  if (!is_name(id) || !are_names(items) || !cJSON_IsNumber(amount))
    return fail(failure, "BadPayload", "an order has an id, items by name, and an amount");
  order->id = cJSON_GetStringValue(id);
  order->items = items;
  order->amount = cJSON_GetNumberValue(amount);
  order->json = cJSON_CreateObject();
  cJSON_AddItemToObject(order->json, "id", id);
  cJSON_AddItemToObject(order->json, "items", items);
  cJSON_AddItemToObject(order->json, "amount", amount);
  return true;
}

// Calls an activity whose result is of no interest.
static bool step(const char *type, cJSON *argument, activities_activity_options_t options, types_failure_t *failure) {
  types_payload_t payload = encode(argument), result;
  bool done = execute(type, ARGUMENTS(payload), &options, &result, failure);
  types_payload_free(&payload);
  if (done)
    types_payload_free(&result);
  return done;
}

static void show(const char *status) { publish("status", cJSON_CreateString(status)); }

static bool approval(workflow_failure_t *failure) {
  show("waiting for approval");
  types_operation_t approve = on_signal("approve"), reject = on_signal("reject"), first;
  select_list_operation_t any = {(types_operation_t[]){approve, reject, timers_start(A_DAY)}, 3};
  if (!select_race(&any, &first, failure))
    return false;
  if (first == reject)
    return fail(failure, "NotApproved", "rejected");
  if (first != approve)
    return fail(failure, "NotApproved", "nobody approved within a day");
  show("approved");
  return true;
}

static void start_shipping(const order_t *order, int item, running_t *running) {
  activities_activity_options_t options = step_options;
  options.cancellation_type.is_some = true;
  options.cancellation_type.val = ACTIVITIES_CANCELLATION_TYPE_WAIT_CANCELLATION_COMPLETED;
  types_payload_t id = encode(cJSON_CreateString(order->id));
  types_payload_t what = encode(cJSON_Duplicate(cJSON_GetArrayItem(order->items, item), true));
  workflow_string_t ship = TEXT("ship");
  running->operations[running->len] = activities_start(&ship, &ARGUMENTS(id, what), &options);
  running->items[running->len++] = item;
  types_payload_free(&id);
  types_payload_free(&what);
}

// Takes what ended first, and puts its tracking among the others.
static bool take_first(running_t *running, cJSON *trackings, workflow_failure_t *failure) {
  select_list_operation_t any = {running->operations, running->len};
  types_operation_t first;
  if (!select_wait_any(&any, &first, failure))
    return false;
  int at = 0;
  while (running->operations[at] != first)
    at++;
  int item = running->items[at], after = --running->len - at;
  memmove(&running->operations[at], &running->operations[at + 1], after * sizeof running->operations[0]);
  memmove(&running->items[at], &running->items[at + 1], after * sizeof running->items[0]);
  types_payload_t tracking;
  if (!activities_outcome(first, &tracking, failure))
    return false;
  cJSON *text = decode(&tracking);
  cJSON_ReplaceItemInArray(trackings, item, text ? text : cJSON_CreateNull());
  types_payload_free(&tracking);
  return true;
}

static bool ship(const order_t *order, cJSON *trackings, workflow_failure_t *failure) {
  running_t running = {0};
  int count = cJSON_GetArraySize(order->items), next = 0;
  for (int item = 0; item < count; item++)
    cJSON_AddItemToArray(trackings, cJSON_CreateString(""));
  while (next < count || running.len > 0) {
    while (next < count && running.len < SHIP_AT_ONCE)
      start_shipping(order, next++, &running);
    if (!take_first(&running, trackings, failure)) {
      select_settle(&(select_list_operation_t){running.operations, running.len});
      return false;
    }
  }
  const cJSON *tracking;
  cJSON_ArrayForEach(tracking, trackings) if (!cJSON_IsString(tracking)) return fail(failure, "BadPayload", "a tracking is a text");
  return true;
}

static bool fulfil(order_t *order, cJSON *trackings, workflow_failure_t *failure) {
  activities_activity_options_t reserve = step_options;
  reserve.retry_policy.is_some = true;
  reserve.retry_policy.val = (types_retry_policy_t){.maximum_attempts = SOME(5)};
  // Noted before the step: one that failed or was canceled may have had its effect.
  order->undo[order->undo_len++] = "release";
  if (!step("reserve", cJSON_Duplicate(order->json, true), reserve, failure))
    return false;
  show("reserved");
  order->undo[order->undo_len++] = "refund";
  if (!step("charge", cJSON_Duplicate(order->json, true), step_options, failure))
    return false;
  show("charged");
  if (!(order->amount <= 1000 || approval(failure)) || !ship(order, trackings, failure))
    return false;
  show("shipped");
  return true;
}

static void compensate(const order_t *order) {
  cancellation_shield();
  for (int undo = order->undo_len - 1; undo >= 0; undo--) {
    types_failure_t failure;
    if (step(order->undo[undo], cJSON_CreateString(order->id), step_options, &failure))
      continue;
    char *line;
    asprintf(&line, "%s: %.*s", order->undo[undo], (int)failure.message.len, (char *)failure.message.ptr);
    log_error(&TEXT(line));
    free(line);
    types_failure_free(&failure);
  }
  cancellation_unshield();
}

bool exports_workflow_run(workflow_list_payload_t *input, workflow_payload_t *result, workflow_failure_t *failure) {
  order_t order = {0};
  if (!read_order(input, &order, failure))
    return false;
  cJSON *trackings = cJSON_CreateArray();
  if (!fulfil(&order, trackings, failure)) {
    compensate(&order);
    return false;
  }
  cJSON *receipt = cJSON_CreateObject();
  cJSON_AddStringToObject(receipt, "status", "shipped");
  cJSON_AddItemToObject(receipt, "trackings", trackings);
  *result = encode(receipt);
  return true;
}
