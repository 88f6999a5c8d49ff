//! Sandglass's host: durable workflows as WebAssembly components, on SQLite, in your own program.
//!
//! [`Host::builder`] puts one together: a database, components by workflow type, activities. Its [`Client`] starts workflows, signals,
//! cancels and terminates them, and reads their results and histories. What a run does and may do is Temporal's: its history has
//! Temporal's events. The rules are in `sandglass-core`; what lives here is I/O: the store, the clock, the guests, the threads.
#![warn(missing_docs)]

mod activity;
pub mod bench;
mod client;
mod clock;
mod engine;
mod host;
mod matching;
mod metrics;
mod options;
pub mod store;
pub mod testing;
mod timers;
pub mod wasm;
mod worker;
pub mod writer;

pub use activity::{
    Activity, ActivityContext, ActivityError, ActivityInfo, ActivityTasks, CancelWord,
    Cancellation, function,
};
pub use client::{
    Client, ClientError, DEFAULT_TASK_QUEUE, History, HistoryPage, StartWorkflow, StartedWorkflow,
    TaskQueueDescription, WorkflowDescription, WorkflowError, WorkflowHandle,
};
pub use clock::Clock;
pub use engine::{OpenTask, RunHistory};
pub use host::{Host, HostBuilder, HostError};
pub use matching::ServedQueues;
pub use metrics::{COMMIT_SECONDS, CommitMetrics, HostMetrics, Monitor, NotReady};
pub use options::HostOptions;
pub use sandglass_core as core;
pub use store::{ListFilter, RunSummary};
pub use worker::WorkflowWorker;
