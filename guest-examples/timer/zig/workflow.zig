//! Sleeps, and cancels a timer that is not needed any more. The host may stop and start meanwhile.

const std = @import("std");
const sandglass = @import("sandglass");
const wit = sandglass.wit;

comptime {
    sandglass.workflow(run);
}

/// Sleeps for as many seconds as its input says, or for one.
fn run(input: []sandglass.Payload) !sandglass.Payload {
    const seconds = try sandglass.decode(?f64, input) orelse 1;
    const deadline = wit.timers_start(3600);
    try sandglass.sleep(seconds);
    wit.timers_cancel(deadline);
    return sandglass.encode(try std.fmt.allocPrint(sandglass.allocator, "slept for {d} s", .{seconds}));
}
