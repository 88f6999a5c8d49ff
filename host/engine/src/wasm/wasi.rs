//! The virtual WASI 0.2 of workflows (D7), one file an interface: there is no file system, network, environment or thread, and clocks and randomness
//! are what [`Outside`] says. Whatever a guest calls when it starts answers with its interface's error code; the rest traps with a sentence.
//!
//! Functions are defined by hand, at one version; wasmtime finds them for every 0.2.x that a component asks for.

mod cli;
mod clocks;
mod denied;
mod filesystem;
mod io;
mod random;
mod sockets;

use super::log::Stream;
use sandglass_core::Timestamp;
use std::collections::BTreeMap;
use std::task::{Context, Poll};
use std::time::Duration;
use wasmtime::component::Linker;

pub(super) use cli::Exited;
pub(super) use denied::{deny, is_offered, is_version};

/// A wait for a clock that was begun, by its number.
pub(super) type Sleep = u32;

/// What lies outside of a guest, all of it from its run.
pub(super) trait Outside: Send + 'static {
    /// The state of its WASI.
    fn wasi(&mut self) -> &mut Wasi;
    /// Now.
    fn wall_clock(&self) -> Timestamp;
    /// Nanoseconds since some point in time.
    fn monotonic_clock(&self) -> u64;
    /// What randomness follows from.
    fn seed(&self) -> u64;
    /// Takes what was written.
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> wasmtime::Result<()>;
    /// Begins to wait.
    fn begin_sleep(&mut self, duration: Duration) -> wasmtime::Result<Sleep>;
    /// Whether that wait is over.
    fn is_awake(&mut self, sleep: Sleep) -> wasmtime::Result<bool>;
    /// Ready once one of them is over; there is at least one.
    fn poll_sleeps(
        &mut self,
        context: &mut Context<'_>,
        sleeps: &[Sleep],
    ) -> Poll<wasmtime::Result<()>>;
    /// Nobody waits for it any more.
    fn end_sleep(&mut self, sleep: Sleep) -> wasmtime::Result<()>;
}

/// The state of one instance's WASI.
#[derive(Default)]
pub(super) struct Wasi {
    /// Pollables that wait for a clock; all others are ready.
    sleeping: BTreeMap<u32, Sleep>,
    pollables_given: u32,
    /// How often it has asked for the time since it last waited.
    clock_reads: u32,
    random: Option<random::Generator>,
}

impl Wasi {
    /// The guest asks for the time.
    fn reads_clock(&mut self) {
        self.clock_reads = self.clock_reads.saturating_add(1);
    }

    /// The guest waits: its clock moves on.
    pub(super) fn waits(&mut self) {
        self.clock_reads = 0;
    }

    /// Whether it has asked for the time so often that it seems to wait for the clock, which stands still.
    pub(super) fn watches_clock(&self) -> bool {
        const READS_MANY: u32 = 1_000;
        self.clock_reads >= READS_MANY
    }
}

/// Defines everything but what is denied, which depends on what a component asks for ([`deny`]).
pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    io::error::add_to_linker(linker)?;
    io::poll::add_to_linker(linker)?;
    io::streams::add_to_linker(linker)?;
    cli::add_to_linker(linker)?;
    clocks::add_to_linker(linker)?;
    random::add_to_linker(linker)?;
    filesystem::add_to_linker(linker)?;
    sockets::add_to_linker(linker)
}
