//! A change of code that leaves the runs before it as they were: they go on to call `greet`.

const sandglass = @import("sandglass");
const wit = sandglass.wit;

comptime {
    sandglass.workflow(run);
}

fn run(input: []sandglass.Payload) !sandglass.Payload {
    // Once no run from before is open: `execution_deprecate_patch`, and only the new side stays.
    var politeness = sandglass.text("politeness");
    const activity = if (wit.execution_patched(&politeness)) "greet_politely" else "greet";
    return sandglass.execute(activity, input, .{ .start_to_close_timeout = .{ .is_some = true, .val = 10 } });
}
