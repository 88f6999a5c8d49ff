//! Makes the mistake that its input names.

const std = @import("std");
const sandglass = @import("sandglass");

comptime {
    sandglass.workflow(run);
}

const Mistake = enum { none, panic, @"out-of-bounds", exit, clock, file, socket, @"not-utf-8", @"wild-pointer" };

fn run(input: []sandglass.Payload) !sandglass.Payload {
    const which = try sandglass.decode(Mistake, input);
    var result = sandglass.encode("none");
    const io = std.Io.Threaded.global_single_threaded.io();
    switch (which) {
        .none => {},
        .panic => @panic("the stock is inconsistent"),
        .@"out-of-bounds" => return input[input.len + @intFromEnum(which)],
        .exit => std.process.exit(3),
        .clock => waitForTheClock(io),
        .file => _ = try std.Io.Dir.cwd().openFile(io, "/stock.txt", .{}),
        .socket => {
            const address: std.Io.net.IpAddress = .{ .ip4 = .loopback(80) };
            _ = try address.connect(io, .{ .mode = .stream });
        },
        .@"not-utf-8" => result.val.json.ptr[0] = 0xff,
        .@"wild-pointer" => result.val.json.ptr = @ptrFromInt(std.math.maxInt(usize)),
    }
    return result;
}

fn waitForTheClock(io: std.Io) void {
    const begin = std.Io.Timestamp.now(io, .real);
    while (begin.durationTo(std.Io.Timestamp.now(io, .real)).toSeconds() < 1) {}
}
