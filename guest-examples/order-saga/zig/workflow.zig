//! Reserves, charges and ships an order; undoes it, newest first, when it fails or is canceled.

const std = @import("std");
const sandglass = @import("sandglass");
const wit = sandglass.wit;
const Payload = sandglass.Payload;
const Operation = sandglass.Operation;
const allocator = sandglass.allocator;

const ship_at_once = 3;
const a_day = 24 * 3600;
const step: sandglass.Options = .{ .start_to_close_timeout = .{ .is_some = true, .val = 10 } };

const Order = struct {
    id: []const u8,
    items: []const []const u8,
    amount: f64,
};

const Undo = std.ArrayList([]const u8);

/// The activities that are under way, oldest first, and the item of each.
const Running = std.AutoArrayHashMapUnmanaged(Operation, usize);

comptime {
    sandglass.workflow(run);
}

fn run(input: []Payload) !Payload {
    const order = try readOrder(input);
    var undo: Undo = .empty;
    const trackings = fulfil(order, &undo) catch |err| {
        // Any other error is none of a step's.
        if (err != error.Failed) return err;
        const failure = sandglass.failure;
        compensate(order, undo.items);
        sandglass.failure = failure;
        return err;
    };
    return sandglass.encode(.{ .status = "shipped", .trackings = trackings });
}

/// An order as it came. What is no order fails the run.
fn readOrder(input: []Payload) !Order {
    // A number that is written as a text would do for a float.
    const Given = struct { id: []const u8, items: []const []const u8, amount: std.json.Value };
    const given = try sandglass.decode(Given, input);
    const amount: ?f64 = switch (given.amount) {
        .integer => |whole| @floatFromInt(whole),
        .float => |number| number,
        else => null,
    };
    const nameless = for (given.items) |item| {
        if (item.len == 0) break true;
    } else given.id.len == 0;
    if (nameless or amount == null) try sandglass.fail("BadPayload", "an order has an id, items by name, and an amount");
    return .{ .id = given.id, .items = given.items, .amount = amount.? };
}

fn fulfil(order: Order, undo: *Undo) ![][]const u8 {
    var reserve = step;
    reserve.retry_policy = .{ .is_some = true, .val = .{ .maximum_attempts = .{ .is_some = true, .val = 5 } } };
    // Noted before the step: one that failed or was canceled may have had its effect.
    try undo.append(allocator, "release");
    _ = try call("reserve", order, reserve);
    publish("reserved");
    try undo.append(allocator, "refund");
    _ = try call("charge", order, step);
    publish("charged");
    if (order.amount > 1000) try approval();
    const trackings = try ship(order);
    publish("shipped");
    return trackings;
}

fn publish(status: []const u8) void {
    sandglass.publish("status", status);
}

fn approval() !void {
    publish("waiting for approval");
    const approve = sandglass.onSignal("approve");
    const reject = sandglass.onSignal("reject");
    var any = [_]Operation{ approve, reject, wit.timers_start(a_day) };
    var list = sandglass.list(wit.select_list_operation_t, &any);
    var first: Operation = undefined;
    try sandglass.check(wit.select_race(&list, &first, &sandglass.failure));
    if (first == reject) try sandglass.fail("NotApproved", "rejected");
    if (first != approve) try sandglass.fail("NotApproved", "nobody approved within a day");
    publish("approved");
}

fn ship(order: Order) ![][]const u8 {
    var options = step;
    options.cancellation_type = .{ .is_some = true, .val = wit.ACTIVITIES_CANCELLATION_TYPE_WAIT_CANCELLATION_COMPLETED };
    const shipped = try allocator.alloc(Payload, order.items.len);
    var running: Running = .empty;
    errdefer wit.select_settle(@constCast(&operations(running)));
    var next: usize = 0;
    while (true) {
        while (next < order.items.len and running.count() < ship_at_once) : (next += 1) {
            var arguments = [_]Payload{ sandglass.encode(order.id), sandglass.encode(order.items[next]) };
            try running.put(allocator, sandglass.start("ship", &arguments, options), next);
        }
        if (running.count() == 0) return trackingsOf(shipped);
        var first: Operation = undefined;
        try sandglass.check(wit.select_wait_any(@constCast(&operations(running)), &first, &sandglass.failure));
        const item = running.fetchOrderedRemove(first).?.value;
        shipped[item] = try sandglass.outcome(first);
    }
}

fn trackingsOf(shipped: []const Payload) ![][]const u8 {
    const trackings = try allocator.alloc([]const u8, shipped.len);
    for (shipped, trackings) |payload, *tracking| {
        tracking.* = try sandglass.decode([]const u8, &.{payload});
    }
    return trackings;
}

fn operations(running: Running) wit.select_list_operation_t {
    return sandglass.list(wit.select_list_operation_t, running.keys());
}

fn compensate(order: Order, undo: []const []const u8) void {
    wit.cancellation_shield();
    defer wit.cancellation_unshield();
    var left = undo.len;
    while (left > 0) : (left -= 1) {
        const step_back = undo[left - 1];
        _ = call(step_back, order.id, step) catch {
            const message = sandglass.slice(sandglass.failure.message);
            const chars = std.fmt.allocPrint(allocator, "{s}: {s}", .{ step_back, message }) catch @panic("out of memory");
            var line = sandglass.text(chars);
            wit.log_error(&line);
        };
    }
}

fn call(activity: []const u8, argument: anytype, options: sandglass.Options) !Payload {
    var arguments = [_]Payload{sandglass.encode(argument)};
    return sandglass.execute(activity, &arguments, options);
}
