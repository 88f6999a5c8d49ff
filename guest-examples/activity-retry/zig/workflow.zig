//! Tries an activity a few times, and says how it ended.

const std = @import("std");
const sandglass = @import("sandglass");
const wit = sandglass.wit;
const Payload = sandglass.Payload;

comptime {
    sandglass.workflow(run);
}

/// Its input goes to the activity `flaky`.
fn run(input: []Payload) !Payload {
    return sandglass.execute("flaky", input, .{
        .start_to_close_timeout = .{ .is_some = true, .val = 10 },
        .retry_policy = .{ .is_some = true, .val = .{
            .initial_interval = .{ .is_some = true, .val = 0.1 },
            .maximum_attempts = .{ .is_some = true, .val = 3 },
            .non_retryable_error_types = .{ .is_some = true, .val = .{ .ptr = @constCast(&sandglass.text("OutOfStock")), .len = 1 } },
        } },
    }) catch |err| {
        if (std.mem.eql(u8, errorType(), "OutOfStock")) return sandglass.encode("ordered elsewhere");
        return err;
    };
}

/// The activity's own failure is the cause of the one that says that it was given up.
fn errorType() []const u8 {
    const causes = sandglass.slice(sandglass.failure.causes);
    if (causes.len == 0 or causes[0].info.tag != wit.TYPES_FAILURE_INFO_APPLICATION) return "";
    return sandglass.slice(causes[0].info.val.application.error_type);
}
