//! Waits for somebody to approve, but not for ever.

const std = @import("std");
const sandglass = @import("sandglass");
const wit = sandglass.wit;
const Payload = sandglass.Payload;

const a_day = 24 * 3600;

comptime {
    sandglass.workflow(run);
}

fn run(_: []Payload) !Payload {
    sandglass.publish("status", "waiting");
    const approve = sandglass.onSignal("approve");
    const reject = sandglass.onSignal("reject");
    var any = [_]sandglass.Operation{ approve, reject, wit.timers_start(a_day) };
    var list = sandglass.list(wit.select_list_operation_t, &any);
    var first: sandglass.Operation = undefined;
    // The first wins; the timer is canceled unless it was the timer.
    try sandglass.check(wit.select_race(&list, &first, &sandglass.failure));
    if (first == reject) try sandglass.fail("NotApproved", "rejected");
    if (first != approve) try sandglass.fail("NotApproved", "nobody approved within a day");
    sandglass.publish("status", "approved");
    var signal: wit.signals_signal_t = .{};
    var name = sandglass.text("approve");
    try sandglass.check(wit.signals_receive(&name, &signal, &sandglass.failure));
    const given = try sandglass.decode(?[]const u8, sandglass.slice(signal.input));
    const by = given orelse sandglass.slice(signal.identity);
    return sandglass.encode(try std.fmt.allocPrint(sandglass.allocator, "approved by {s}", .{by}));
}
