//! Executes as many activities as its input says, some at a time, and counts the letters of their results, or of why they failed.

const std = @import("std");
const sandglass = @import("sandglass");
const Payload = sandglass.Payload;
const Operation = sandglass.Operation;

const step: sandglass.Options = .{ .start_to_close_timeout = .{ .is_some = true, .val = 10 } };

comptime {
    sandglass.workflow(run);
}

fn run(input: []Payload) !Payload {
    const count = try sandglass.decode(u32, input);
    var running: [200]Operation = undefined;
    var length: usize = 0;
    var done: u32 = 0;
    while (done < count) {
        for (&running) |*activity| {
            activity.* = start(done);
            done += 1;
        }
        for (running) |activity| length += try letters(activity);
    }
    return sandglass.encode(length);
}

fn start(number: u32) Operation {
    var arguments = [_]Payload{sandglass.encode(number)};
    defer sandglass.free(arguments[0]);
    return sandglass.start("step", &arguments, step);
}

fn letters(activity: Operation) !usize {
    const result = sandglass.outcome(activity) catch {
        defer sandglass.free(sandglass.failure);
        return sandglass.slice(sandglass.failure.causes)[0].message.len;
    };
    defer sandglass.free(result);
    var arena: std.heap.ArenaAllocator = .init(sandglass.allocator);
    defer arena.deinit();
    const text = try sandglass.decodeIn(arena.allocator(), []const u8, &.{result});
    return text.len;
}
