// Reserves, charges and ships an order; undoes it, newest first, when it fails or is canceled.
#include "sandglass.hpp"
#include <algorithm>
#include <map>
#include <ranges>

using namespace sandglass;

static constexpr std::size_t ship_at_once = 3;
static constexpr double a_day = 24 * 3600;
static const Options step{.start_to_close_timeout = {.is_some = true, .val = 10}};

struct Order {
  Json json;
  std::string id;
  std::vector<std::string> items;
  double amount;
};

// Takes a member out of an object; null if there is none of that name.
static Json take(const Json &object, const char *name) {
  return Json(cJSON_DetachItemFromObjectCaseSensitive(object.get(), name));
}

static bool is_name(const cJSON *json) { return cJSON_IsString(json) && *json->valuestring; }

static Result<Order> read_order(Arguments input) {
  constexpr auto refused = "an order has an id, items by name, and an amount";
  auto given = decode(input);
  auto id = take(given, "id"), items = take(given, "items"), amount = take(given, "amount");
  if (!is_name(id.get()) || !cJSON_IsArray(items.get()) || !cJSON_IsNumber(amount.get()))
    return fail("BadPayload", refused);
  Order order{.json = Json(cJSON_CreateObject()), .id = id->valuestring, .amount = amount->valuedouble};
  for (cJSON *item = items->child; item; item = item->next) {
    if (!is_name(item))
      return fail("BadPayload", refused);
    order.items.emplace_back(item->valuestring);
  }
  cJSON_AddItemToObject(order.json.get(), "id", id.release());
  cJSON_AddItemToObject(order.json.get(), "items", items.release());
  cJSON_AddItemToObject(order.json.get(), "amount", amount.release());
  return order;
}

static Result<Payload> call(std::string_view type, Payload argument, const Options &options = step) {
  return execute(type, {argument.get(), 1}, options);
}

static Result<void> approval() {
  publish("status", "waiting for approval");
  Operation any[] = {on_signal("approve"), on_signal("reject"), timers_start(a_day)};
  auto first = attempt<Operation>([&](auto *made, auto *failure) {
    auto list = borrow(any);
    return select_race(&list, made, failure);
  });
  if (!first)
    return std::unexpected(std::move(first.error()));
  if (*first != any[0])
    return fail("NotApproved", *first == any[1] ? "rejected" : "nobody approved within a day");
  publish("status", "approved");
  return {};
}

// The activities that are under way, and the item of each. Whatever ends it, none of them is left alone.
struct Running {
  std::map<Operation, std::size_t> items;

  auto operations() { return std::views::keys(items) | std::ranges::to<std::vector>(); }

  void start(const Order &order, std::size_t index) {
    Options options = step;
    options.cancellation_type = {true, ACTIVITIES_CANCELLATION_TYPE_WAIT_CANCELLATION_COMPLETED};
    auto id = encode(order.id), item = encode(order.items[index]);
    types_payload_t arguments[] = {*id, *item};
    items[sandglass::start("ship", arguments, options)] = index;
  }

  Result<void> take_first(std::vector<Payload> &shipped) {
    auto first = attempt<Operation>([any = operations()](auto *made, auto *failure) mutable {
      auto list = borrow(any);
      return select_wait_any(&list, made, failure);
    });
    if (!first)
      return std::unexpected(std::move(first.error()));
    auto index = items.extract(*first).mapped();
    return outcome(*first).transform([&](Payload payload) { shipped[index] = std::move(payload); });
  }

  ~Running() {
    auto any = operations();
    auto list = borrow(any);
    if (!any.empty())
      select_settle(&list);
  }
};

static Result<std::vector<std::string>> trackings_of(const std::vector<Payload> &shipped) {
  std::vector<std::string> trackings;
  for (auto &payload : shipped) {
    auto tracking = decode(*payload);
    if (!cJSON_IsString(tracking.get()))
      return fail("BadPayload", "a tracking is a text");
    trackings.emplace_back(tracking->valuestring);
  }
  return trackings;
}

static Result<std::vector<std::string>> ship(const Order &order) {
  std::vector<Payload> shipped(order.items.size());
  Running running;
  std::size_t next = 0;
  while (next < order.items.size() || !running.items.empty()) {
    while (next < order.items.size() && running.items.size() < ship_at_once)
      running.start(order, next++);
    if (auto taken = running.take_first(shipped); !taken)
      return std::unexpected(std::move(taken.error()));
  }
  return trackings_of(shipped);
}

static Result<std::vector<std::string>> fulfil(const Order &order, std::vector<std::string_view> &undo) {
  Options reserve = step;
  reserve.retry_policy = {true, {.maximum_attempts = {true, 5}}};
  // Noted before the step: one that failed or was canceled may have had its effect.
  undo.push_back("release");
  return call("reserve", encode(order.json), reserve)
      .and_then([&](Payload) {
        publish("status", "reserved");
        undo.push_back("refund");
        return call("charge", encode(order.json));
      })
      .and_then([&](Payload) {
        publish("status", "charged");
        return order.amount > 1000 ? approval() : Result<void>();
      })
      .and_then([&] { return ship(order); })
      .transform([](auto trackings) {
        publish("status", "shipped");
        return trackings;
      });
}

static void compensate(const Order &order, const std::vector<std::string_view> &undo) {
  Shield shield;
  for (auto step_back : std::views::reverse(undo)) {
    if (auto undone = call(step_back, encode(order.id)); !undone) {
      auto line = std::string(step_back) + ": " + std::string(view(undone.error()->message));
      auto text = borrow(line);
      log_error(&text);
    }
  }
}

static Payload receipt(const std::vector<std::string> &trackings) {
  Json receipt(cJSON_CreateObject());
  cJSON_AddStringToObject(receipt.get(), "status", "shipped");
  auto *list = cJSON_AddArrayToObject(receipt.get(), "trackings");
  for (auto &tracking : trackings)
    cJSON_AddItemToArray(list, cJSON_CreateString(tracking.c_str()));
  return encode(receipt);
}

Result<Payload> run(Arguments input) {
  return read_order(input).and_then([](Order order) {
    std::vector<std::string_view> undo;
    return fulfil(order, undo).transform(receipt).or_else([&](Failure failure) -> Result<Payload> {
      compensate(order, undo);
      return std::unexpected(std::move(failure));
    });
  });
}
