//! The pure core of Sandglass: Temporal's events, commands and workflow task, and what follows from them.
//!
//! It performs no I/O, reads no clock, draws no randomness and knows no WebAssembly; `now` is always an argument. It has two halves that
//! share only what stands in this file's other modules: [`engine`] does what a Temporal server does, [`worker`] what a
//! Temporal worker does, and the [`task`] crosses between them.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod command;
pub mod engine;
pub mod event;
pub mod failure;
pub mod payload;
pub mod policy;
pub mod proto;
pub mod task;
pub mod time;
pub mod worker;

pub use command::Command;
pub use event::{Attributes, HistoryEvent};
pub use failure::{Failure, FailureInfo};
pub use payload::{Payload, Payloads};
pub use task::{Answer, WorkflowTask};
pub use time::Timestamp;
