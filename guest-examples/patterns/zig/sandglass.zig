//! The generated bindings of C for Zig: errors in place of flags, and values in place of payloads. It is no SDK: what a workflow calls are the
//! bindings. Copy it, and change it as you like.
//!
//! What is allocated stays until the run ends, when all its memory goes. A run that goes through very many payloads does not leave it at that: it
//! frees those that it makes, and what it receives, and decodes into an arena.

const std = @import("std");
pub const wit = @import("workflow");

pub const Payload = wit.types_payload_t;
pub const Failure = wit.types_failure_t;
pub const Operation = wit.types_operation_t;
pub const Options = wit.activities_activity_options_t;
pub const allocator = std.heap.c_allocator;

/// Errors of Zig hold no value: what failed is in `failure`.
pub const Error = error{Failed};
pub var failure: Failure = .{};

/// Exports a function as the workflow. An error other than `Failed` is a mistake in the code: it fails the workflow task, by its name, and the
/// run goes on from there once it is mended.
pub fn workflow(comptime run: fn ([]Payload) anyerror!Payload) void {
    const Exported = struct {
        fn call(input: *wit.workflow_list_payload_t, result: *Payload, err: *Failure) callconv(.c) bool {
            result.* = run(slice(input.*)) catch |problem| {
                if (problem != error.Failed) std.debug.panic("the workflow returned error.{s}", .{@errorName(problem)});
                err.* = failure;
                return false;
            };
            return true;
        }
    };
    @export(&Exported.call, .{ .name = "exports_workflow_run" });
}

/// A call of the bindings that says whether it went well.
pub fn check(ok: bool) Error!void {
    if (!ok) return error.Failed;
}

/// Ends the workflow, or an activity that is not to be tried again.
pub fn fail(error_type: []const u8, message: []const u8) Error!void {
    var name = text(error_type);
    var words = text(message);
    wit.failures_application(&words, &name, true, &failure);
    return error.Failed;
}

pub fn sleep(seconds: f64) Error!void {
    return check(wit.timers_sleep(seconds, &failure));
}

pub fn start(activity: []const u8, input: []Payload, options: Options) Operation {
    var name = text(activity);
    var arguments = list(wit.activities_list_payload_t, input);
    return wit.activities_start(&name, &arguments, @constCast(&options));
}

pub fn outcome(activity: Operation) Error!Payload {
    var result: Payload = .{};
    try check(wit.activities_outcome(activity, &result, &failure));
    return result;
}

pub fn execute(activity: []const u8, input: []Payload, options: Options) Error!Payload {
    return outcome(start(activity, input, options));
}

/// What stands for messages of that name.
pub fn onSignal(name: []const u8) Operation {
    var signal = text(name);
    return wit.signals_on_signal(&signal);
}

/// Shows a value to queries.
pub fn publish(name: []const u8, value: anytype) void {
    var query = text(name);
    var shown = encode(value);
    defer free(shown);
    wit.execution_publish(&query, &shown);
}

/// A string for a call; it stays the caller's.
pub fn text(chars: []const u8) wit.workflow_string_t {
    return .{ .ptr = @constCast(chars.ptr), .len = chars.len };
}

/// What the bindings have as a list.
pub fn slice(of: anytype) []std.meta.Child(@TypeOf(of.ptr)) {
    return if (of.len == 0) &.{} else of.ptr[0..of.len];
}

/// A list of the bindings.
pub fn list(List: type, of: anytype) List {
    return .{ .ptr = of.ptr, .len = of.len };
}

/// A payload of plain data, to be freed unless it is returned.
pub fn encode(value: anytype) Payload {
    const json = std.json.Stringify.valueAlloc(allocator, value, .{}) catch @panic("out of memory");
    return .{ .tag = wit.TYPES_PAYLOAD_JSON, .val = .{ .json = text(json) } };
}

/// Frees a payload that was made, or whatever was received.
pub fn free(received: anytype) void {
    var freed = received;
    switch (@TypeOf(received)) {
        Payload => wit.types_payload_free(&freed),
        Failure => wit.types_failure_free(&freed),
        wit.signals_signal_t => wit.signals_signal_free(&freed),
        else => @compileError("it has no memory of its own"),
    }
}

/// Plain data of the first payload; none is JSON's null. It stays until the run ends.
pub fn decode(Value: type, payloads: []const Payload) Error!Value {
    return decodeIn(allocator, Value, payloads);
}

/// The same, which goes with the arena.
pub fn decodeIn(arena: std.mem.Allocator, Value: type, payloads: []const Payload) Error!Value {
    const json = if (payloads.len == 0 or payloads[0].tag == wit.TYPES_PAYLOAD_NIL)
        "null"
    else if (payloads[0].tag == wit.TYPES_PAYLOAD_JSON)
        slice(payloads[0].val.json)
    else
        return refuse("the payload is not JSON");
    // Strings are copied, so that the payload may be freed before they are.
    const options: std.json.ParseOptions = .{ .ignore_unknown_fields = true, .allocate = .alloc_always };
    return std.json.parseFromSliceLeaky(Value, arena, json, options) catch |problem|
        refuse(@errorName(problem));
}

fn refuse(why: []const u8) Error {
    fail("BadPayload", why) catch {};
    return error.Failed;
}
