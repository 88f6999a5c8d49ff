//! What is said when a guest cannot go on: in the guest's own words, never with a path or a stack of the host.

use super::control::Ended;
use super::exception::{self, Exception};
use super::limits::{LimitHit, Limits};
use super::wasi::Exited;
use rustc_demangle::demangle;
use sandglass_core::Failure;
use sandglass_core::failure::{ApplicationFailureInfo, FailureInfo};
use sandglass_core::worker::Misuse;
use std::collections::BTreeMap;
use std::fmt::Write;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// Why a guest cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It trapped.
    Trap,
    /// It called an import as it may not.
    Misuse,
    /// It hit a bound.
    Limit(LimitHit),
    /// It ended its process.
    Exited,
    /// It was ended from outside.
    Ended,
    /// The host has no room for an instance. Never the guest's failure (D17).
    NoRoom,
}

/// A guest that cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GuestFailure {
    pub(super) kind: Kind,
    pub(super) message: String,
    pub(super) stack_trace: String,
}

/// What is known of a guest that cannot go on, beside the error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// The end of what it wrote to stderr: a panic or an uncaught exception is a bare trap, and its reason stands only there.
    pub(super) stderr: &'a str,
    /// It asks for the time again and again, and its clock stands still.
    pub(super) watches_clock: bool,
}

/// The context of an error that came while `run` was called, after everything was set up.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("in run")]
pub(super) struct InRun;

impl GuestFailure {
    /// What `error` and what was seen of the guest say.
    pub(super) fn new(error: &wasmtime::Error, seen: &Seen<'_>, limits: &Limits) -> GuestFailure {
        let (kind, mut message) = explain(error, limits);
        let Seen { stderr, watches_clock } = *seen;
        if let Some(Exception { message, stack }) = match kind {
            Kind::Trap => exception::find(stderr),
            Kind::Exited => exception::find_panic_of_go(stderr),
            _ => None,
        } {
            let message = match stack.is_empty() {
                true => message,
                false => format!("{message}\n{stack}"),
            };
            // The wasm's own stack is that of an interpreter, or of what ended it, which says nothing to the author.
            return GuestFailure { kind, message, stack_trace: stack };
        }
        if kind == Kind::Trap
            && let Some(what) = exception::find_misfit(stderr)
        {
            let place = misfit_place(error);
            return GuestFailure {
                kind,
                message: format!("{place} does not have the type that the interface wants: {what}"),
                stack_trace: String::new(),
            };
        }
        if watches_clock && matches!(kind, Kind::Limit(LimitHit::Deadlock { .. })) {
            message += " It asks for the time again and again, which stands still until it waits: \
                        to let time pass, sleep";
        }
        if !stderr.is_empty() && kind != Kind::Ended && kind != Kind::NoRoom {
            if matches!(error.downcast_ref(), Some(Trap::UnreachableCodeReached)) {
                // It is how they give up, and the reason is what they wrote.
                "the guest aborted".clone_into(&mut message);
            }
            // There is no such variable to be set.
            let stderr = stderr.trim_end_matches(
                "\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
            );
            // Writing to a string cannot fail.
            let _ = write!(message, "; it wrote to stderr: {stderr}");
        }
        let stack_trace =
            error.downcast_ref::<WasmBacktrace>().map(stack_trace).unwrap_or_default();
        GuestFailure { kind, message, stack_trace }
    }

    /// As it is recorded.
    pub(super) fn to_failure(&self) -> Failure {
        let r#type = match self.kind {
            Kind::Trap => "GuestTrap",
            Kind::Misuse => "GuestMisuse",
            Kind::Limit(LimitHit::Deadlock { .. }) => "Deadlock",
            Kind::Limit(_) => "LimitExceeded",
            Kind::Exited => "GuestExit",
            Kind::Ended => "GuestEnded",
            Kind::NoRoom => "NoRoom",
        };
        let info =
            ApplicationFailureInfo { r#type: r#type.into(), ..ApplicationFailureInfo::default() };
        Failure {
            source: "sandglass".into(),
            stack_trace: self.stack_trace.clone(),
            ..Failure::new(self.message.clone(), FailureInfo::Application(info))
        }
    }
}

fn explain(error: &wasmtime::Error, limits: &Limits) -> (Kind, String) {
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return (Kind::Ended, ended.to_string());
    }
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return (Kind::Limit(hit.clone()), hit.to_string());
    }
    if let Some(misuse) = error.downcast_ref::<Misuse>() {
        return (Kind::Misuse, misuse.to_string());
    }
    if let Some(exited) = error.downcast_ref::<Exited>() {
        return (Kind::Exited, exited.to_string());
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        // What the standard's own interface knows as failed comes as 1.
        let exited = match exit.0 {
            1 => Exited::Failed,
            status => Exited::Status(u8::try_from(status).unwrap_or(u8::MAX)),
        };
        return (Kind::Exited, exited.to_string());
    }
    if is_no_room(error) {
        return (Kind::NoRoom, format!("the host has no room for an instance: {error:#}"));
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        let hit = LimitHit::Resources { max: limits.activity_resources };
        return (Kind::Limit(hit.clone()), hit.to_string());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            let hit = LimitHit::Stack { max: limits.stack_bytes };
            (Kind::Limit(hit.clone()), hit.to_string())
        }
        // A Rust or C guest keeps most of its stack in its own memory, at whose beginning it runs out.
        Some(trap @ Trap::MemoryOutOfBounds) if is_recursive(error) => {
            let hint = "its own stack may be used up: does a function call itself without end?";
            (Kind::Trap, format!("the guest trapped: {trap}; {hint}"))
        }
        Some(trap) => (Kind::Trap, format!("the guest trapped: {trap}")),
        None if is_of_the_result(error) => {
            let why = error.root_cause();
            (Kind::Trap, format!("what `run` returned is neither a payload nor a failure: {why}"))
        }
        None => (Kind::Trap, format!("the guest trapped: {}", error.root_cause())),
    }
}

/// Whether what `run` returned could not be read: no code of the guest was running.
fn is_of_the_result(error: &wasmtime::Error) -> bool {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    error.downcast_ref::<InRun>().is_some()
        && backtrace.is_none_or(|backtrace| backtrace.frames().is_empty())
}

/// Which value did not fit: an import's arguments pass a function that is named after it on their way to the host.
fn misfit_place(error: &wasmtime::Error) -> String {
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    let import = frames.iter().find_map(|frame| frame.func_name()?.strip_prefix("adapter "));
    match import {
        Some(import) => format!("what `{import}` was given"),
        None => "what `run` returned or threw".into(),
    }
}

/// Whether one function fills most of the stack that the guest trapped with.
fn is_recursive(error: &wasmtime::Error) -> bool {
    const FRAMES_MIN: usize = 8;
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return false };
    let mut counts = BTreeMap::new();
    for frame in backtrace.frames() {
        *counts.entry(frame.func_index()).or_insert(0usize) += 1;
    }
    let most = counts.into_values().max().unwrap_or(0);
    most >= FRAMES_MIN && most * 3 >= backtrace.frames().len()
}

/// The pool is used up, or the kernel gives no more mappings.
fn is_no_room(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<PoolConcurrencyLimitError>().is_some()
        || error.chain().any(|cause| {
            cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::OutOfMemory)
        })
}

/// One line a frame: its function and, where the component says so, its place in the author's source.
fn stack_trace(backtrace: &WasmBacktrace) -> String {
    const FRAMES_MAX: usize = 32;
    let mut text = String::new();
    for frame in backtrace.frames().iter().take(FRAMES_MAX) {
        let symbols = frame.symbols();
        // Glue between components and memories has no name; it says nothing either.
        if let (true, Some(name)) = (symbols.is_empty(), frame.func_name()) {
            let _ = writeln!(text, "{:#}", demangle(name));
        }
        for symbol in symbols {
            let Some(name) = symbol.name().or(frame.func_name()) else { continue };
            let name = demangle(name);
            let _ = match (symbol.file(), symbol.line()) {
                (Some(file), Some(line)) => writeln!(text, "{name:#} at {file}:{line}"),
                _ => writeln!(text, "{name:#}"),
            };
        }
    }
    text.truncate(text.trim_end().len());
    text
}
