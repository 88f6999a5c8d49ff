//! Composes a greeting, and cleans up when asked to stop.

const sandglass = @import("sandglass");
const wit = sandglass.wit;
const Payload = sandglass.Payload;

const options: sandglass.Options = .{
    .start_to_close_timeout = .{ .is_some = true, .val = 300 },
    .heartbeat_timeout = .{ .is_some = true, .val = 30 },
};

comptime {
    sandglass.workflow(run);
}

fn run(input: []Payload) !Payload {
    const greeting = sandglass.start("cancellable_activity", input, options);
    return finish(greeting) catch |err| {
        // What the cleanup fails with would take its place.
        const failure = sandglass.failure;
        // Whoever cancels the workflow meanwhile does not cut the cleanup short.
        wit.cancellation_shield();
        defer wit.cancellation_unshield();
        _ = try sandglass.execute("cleanup", &.{}, options);
        sandglass.failure = failure;
        return err;
    };
}

fn finish(greeting: sandglass.Operation) !Payload {
    const slept = sandglass.sleep(3);
    wit.activities_cancel(greeting);
    try slept;
    return sandglass.outcome(greeting);
}
