//! Activities: work with effects, done in this process by Rust functions or by components, or by workers that poll for them.
//!
//! What lives here: how a type is registered and what an attempt is given. What does not: retries and timeouts, which are the core's, and
//! when an attempt is dispatched, which is `matching`'s.

mod component;
mod context;
mod function;
mod remote;

pub use context::{ActivityContext, ActivityInfo, CancelWord, Cancellation};
pub use function::{ActivityError, function};
pub use remote::ActivityTasks;

pub(crate) use component::ComponentActivity;
pub(crate) use context::{Attempt, Heartbeats};

use futures::future::BoxFuture;
use sandglass_core::engine::ActivityEnd;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Runs attempts of one activity type.
///
/// A future that is dropped has lost its attempt: the run has closed, the attempt's time was over, or the host was shut down.
pub trait Activity: Send + Sync + 'static {
    /// Runs one attempt to its end.
    fn run(&self, context: ActivityContext) -> BoxFuture<'static, ActivityEnd>;
}

impl<F> Activity for F
where
    F: Fn(ActivityContext) -> BoxFuture<'static, ActivityEnd> + Send + Sync + 'static,
{
    fn run(&self, context: ActivityContext) -> BoxFuture<'static, ActivityEnd> {
        self(context)
    }
}

/// The activity types of one host.
#[derive(Clone, Default)]
pub(crate) struct Activities {
    types: BTreeMap<String, Arc<dyn Activity>>,
}

impl Activities {
    pub(crate) fn insert(&mut self, activity_type: String, activity: Arc<dyn Activity>) {
        self.types.insert(activity_type, activity);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    pub(crate) fn get(&self, activity_type: &str) -> Option<Arc<dyn Activity>> {
        self.types.get(activity_type).cloned()
    }
}
