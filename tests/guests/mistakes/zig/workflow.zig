//! Makes the mistake that its input names.

const std = @import("std");
const sandglass = @import("sandglass");

comptime {
    sandglass.workflow(run);
}

const Mistake = enum { none, panic, @"out-of-bounds", exit, @"not-utf-8" };

fn run(input: []sandglass.Payload) !sandglass.Payload {
    const which = try sandglass.decode(Mistake, input);
    switch (which) {
        .none => {},
        .panic => @panic("the stock is inconsistent"),
        .@"out-of-bounds" => return input[input.len + @intFromEnum(which)],
        .exit => std.process.exit(3),
        .@"not-utf-8" => {
            var result = sandglass.encode("none");
            result.val.json.ptr[0] = 0xff;
            return result;
        },
    }
    return sandglass.encode("none");
}
