//! What a guest may take up, each bound with a name and a default, and what is said when one is hit.
//!
//! A bound that is hit fails the workflow task, never the run, so that mended code (or a wider bound) can go on. What a guest can see of
//! them (memory, tables) is part of the deployment: a replay under other bounds may differ (D7).

use sandglass_core::worker;
use std::time::Duration;
use wasmtime::ResourceLimiter;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bounds of one instance of a guest.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of each linear memory.
    pub memory_bytes: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// Core instances that a component is made of.
    pub instances: usize,
    /// Linear memories that a component is made of.
    pub memories: usize,
    /// Tables that a component is made of.
    pub tables: usize,
    /// Bytes of the stack.
    pub stack_bytes: usize,
    /// Bytes that a workflow task may write to its log, stdout and stderr included.
    pub log_bytes: usize,
    /// Lines that a workflow task may write to its log.
    pub log_lines: usize,
    /// Bytes of the end of stderr that are kept for the message of a failure.
    pub stderr_kept_bytes: usize,
    /// Time on a core from when the guest was started or resumed until it waits or returns (rule 113).
    pub deadlock_timeout: Duration,
    /// Requests over HTTP that an attempt of an activity may have under way at once.
    pub http_requests: usize,
    /// Files, streams, requests and the like that an attempt of an activity may hold at once. A request takes about ten of them; a file
    /// takes one of those that the process may have open.
    pub activity_resources: usize,
    /// Bounds of what it may ask for and hold.
    pub run: worker::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 256 * MIB,
            table_elements: 200_000,
            instances: 100,
            memories: 4,
            tables: 16,
            stack_bytes: MIB,
            log_bytes: MIB,
            log_lines: 10_000,
            stderr_kept_bytes: 8 * KIB,
            deadlock_timeout: Duration::from_secs(2),
            http_requests: 16,
            activity_resources: 512,
            run: worker::Limits::default(),
        }
    }
}

/// A bound that was hit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitHit {
    /// [`Limits::memory_bytes`].
    #[error(
        "the guest asked for {asked} bytes of memory, more than the {max} that it may have (limit memory_bytes)"
    )]
    Memory {
        /// How large the memory was to become.
        asked: usize,
        /// The bound.
        max: usize,
    },
    /// [`Limits::table_elements`].
    #[error(
        "the guest asked for a table of {asked} elements, more than the {max} that it may have (limit table_elements)"
    )]
    Table {
        /// How large the table was to become.
        asked: usize,
        /// The bound.
        max: usize,
    },
    /// [`Limits::stack_bytes`].
    #[error(
        "the guest used more than the {max} bytes of stack that it may have (limit stack_bytes): does a function call itself without end?"
    )]
    Stack {
        /// The bound.
        max: usize,
    },
    /// [`Limits::log_bytes`].
    #[error(
        "the guest wrote more than the {max} bytes of log that a workflow task, or ten seconds of an activity, may have (limit log_bytes)"
    )]
    LogBytes {
        /// The bound.
        max: usize,
    },
    /// [`Limits::log_lines`].
    #[error(
        "the guest wrote more than the {max} lines of log that a workflow task, or ten seconds of an activity, may have (limit log_lines)"
    )]
    LogLines {
        /// The bound.
        max: usize,
    },
    /// [`Limits::activity_resources`].
    #[error(
        "the guest held {max} files, streams and the like and asked for one more (limit activity_resources): does it leave them open?"
    )]
    Resources {
        /// The bound.
        max: usize,
    },
    /// [`Limits::deadlock_timeout`].
    #[error(
        "the guest computed for {:.1} s without waiting for anything, longer than it may (limit deadlock_timeout): does it loop without end?",
        .max.as_secs_f64()
    )]
    Deadlock {
        /// The bound.
        max: Duration,
    },
}

/// Counts what a store's instances take up; wasmtime asks it before it gives.
#[derive(Debug)]
pub(super) struct Limiter {
    memory_bytes: usize,
    table_elements: usize,
    instances: usize,
    memories: usize,
    tables: usize,
    /// Bytes of memories as they began.
    initial_bytes: usize,
    /// Bytes that were added since.
    grown_bytes: usize,
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Limiter {
        Limiter {
            memory_bytes: limits.memory_bytes,
            table_elements: limits.table_elements,
            instances: limits.instances,
            memories: limits.memories,
            tables: limits.tables,
            initial_bytes: 0,
            grown_bytes: 0,
        }
    }

    /// About how much memory of its own the instance holds. A memory's first image is shared until it is written to; measured with
    /// Rust, QuickJS, StarlingMonkey and Python about a sixteenth of it is.
    pub(super) fn resident_bytes(&self) -> usize {
        const BASE: usize = 24 * KIB;
        BASE + self.initial_bytes / 16 + self.grown_bytes
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.memory_bytes {
            return Err(LimitHit::Memory { asked: desired, max: self.memory_bytes }.into());
        }
        match current {
            0 => self.initial_bytes += desired,
            _ => self.grown_bytes += desired.saturating_sub(current),
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.table_elements {
            return Err(LimitHit::Table { asked: desired, max: self.table_elements }.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}
