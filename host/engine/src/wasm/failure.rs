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

impl GuestFailure {
    /// What `error` says, with the end of what the guest wrote to stderr: a panic or an uncaught exception is a bare trap, and its
    /// reason stands only there.
    pub(super) fn new(error: &wasmtime::Error, stderr: &str, limits: &Limits) -> GuestFailure {
        let (kind, mut message) = explain(error, limits);
        if kind == Kind::Trap
            && let Some(Exception { message, stack }) = exception::find(stderr)
        {
            // The wasm's own stack is that of an interpreter, which says nothing to the author.
            return GuestFailure {
                kind,
                message: format!("{message}\n{stack}"),
                stack_trace: stack,
            };
        }
        if !stderr.is_empty() && kind != Kind::Ended && kind != Kind::NoRoom {
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
        let status = u8::try_from(exit.0).unwrap_or(u8::MAX);
        return (Kind::Exited, Exited(status).to_string());
    }
    if is_no_room(error) {
        return (Kind::NoRoom, format!("the host has no room for an instance: {error:#}"));
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
        None => (Kind::Trap, format!("the guest trapped: {}", error.root_cause())),
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
