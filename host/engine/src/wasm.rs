//! Guests: workflows and activities as WebAssembly components.
//!
//! What lives here: wasmtime's configuration, loading and checking components, the imports (the
//! WIT and the virtual WASI), limits, the threads that guests run on, and the worker that takes
//! workflow tasks. What does not: what a workflow's calls mean, which is `sandglass_core::worker`;
//! who hands out tasks and takes answers.

mod activity;
mod bindings;
mod cache;
mod component;
mod control;
mod convert;
mod engine;
mod exception;
mod executor;
mod failure;
mod grants;
mod guest;
mod held;
mod imports;
mod inspect;
mod instance;
mod limits;
mod log;
mod replay;
mod turn;
mod wasi;
mod worker;

pub use activity::{ActivityHost, AttemptEnd, attempt};
pub use component::{ActivityComponent, RegisterError, WorkflowComponent};
pub use engine::{Engine, EngineError, EngineOptions};
pub use grants::{Access, Folder, Grants, HttpHost, NoHttpHost};
pub use inspect::{Import, Inspection, Producer, World, inspect};
pub use limits::{LimitHit, Limits};
pub use log::{Level, LogLine, LogSink, tracing_sink};
pub(crate) use replay::stack_trace;
pub use replay::{Divergence, ReplayError, Replayed, replay};
pub use worker::{Abandoned, HistorySource, Worker, WorkerOptions, WorkerStats};
