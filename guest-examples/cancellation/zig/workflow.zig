//! What a workflow can make of a cancel request. Its input says which; none is `cleanup`.

const sandglass = @import("sandglass");
const wit = sandglass.wit;
const Payload = sandglass.Payload;

const an_hour = 3600;

const Behaviour = enum {
    /// Cleans up, then ends as canceled.
    cleanup,
    /// Ends as canceled at once.
    nothing,
    /// Goes on as if nothing had happened, and completes.
    swallow,
    /// Ends as failed.
    fail,
    /// Finishes what must not be cut short, then ends as canceled.
    shield,
};

comptime {
    sandglass.workflow(run);
}

fn run(input: []Payload) !Payload {
    switch (try sandglass.decode(?Behaviour, input) orelse .cleanup) {
        .cleanup => sandglass.sleep(an_hour) catch |err| {
            const canceled = sandglass.failure;
            // The request has interrupted the sleep; it does not interrupt what follows.
            try activity("cleanup");
            sandglass.failure = canceled;
            return err;
        },
        .nothing => try sandglass.sleep(an_hour),
        .swallow => sandglass.sleep(an_hour) catch return sandglass.encode("swallowed"),
        .fail => sandglass.sleep(an_hour) catch |err| {
            var error_type = sandglass.text("CleanupFailed");
            var message = sandglass.text("the cleanup failed");
            wit.failures_application(&message, &error_type, false, &sandglass.failure);
            return err;
        },
        .shield => {
            try charge();
            // A request that came during the charge interrupts this sleep.
            try sandglass.sleep(an_hour);
        },
    }
    return sandglass.encode("not canceled");
}

fn charge() !void {
    wit.cancellation_shield();
    defer wit.cancellation_unshield();
    try activity("charge");
}

fn activity(name: []const u8) !void {
    _ = try sandglass.execute(name, &.{}, .{ .start_to_close_timeout = .{ .is_some = true, .val = 10 } });
}
