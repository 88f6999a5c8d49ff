//! Components of the world `activity` as activities.

use super::{Activity, ActivityContext};
use crate::wasm::{
    self, ActivityComponent, ActivityHost, AttemptEnd, Grants, RegisterError, tracing_sink,
};
use futures::future::BoxFuture;
use sandglass_core::engine::{ActivityEnd, ActivityTask, CancelReason};
use sandglass_core::{Failure, Payload};
use std::sync::Arc;
use std::time::Duration;

/// How long an attempt waits for an instance that another gives back.
const ROOM_WAIT: Duration = Duration::from_millis(20);

/// An activity that is a component: one fresh instance an attempt.
pub(crate) struct ComponentActivity {
    engine: wasm::Engine,
    component: ActivityComponent,
}

impl ComponentActivity {
    pub(crate) fn load(
        engine: &wasm::Engine,
        bytes: &[u8],
        grants: Grants,
    ) -> Result<Self, RegisterError> {
        let component = ActivityComponent::load(engine, bytes)?.with_grants(grants);
        Ok(ComponentActivity { engine: engine.clone(), component })
    }
}

impl Activity for ComponentActivity {
    fn run(&self, context: ActivityContext) -> BoxFuture<'static, ActivityEnd> {
        let (engine, component) = (self.engine.clone(), self.component.clone());
        Box::pin(async move {
            let host: Arc<dyn ActivityHost> = Arc::new(Outside(context));
            loop {
                let attempt = wasm::attempt(&engine, &component, Arc::clone(&host), tracing_sink());
                match attempt.await {
                    AttemptEnd::Returned(Ok(result)) => {
                        return ActivityEnd::Completed { result: Some(vec![result].into()) };
                    }
                    AttemptEnd::Returned(Err(failure)) => return ended(failure.into()),
                    AttemptEnd::Trapped(failure) => return failed(failure),
                    AttemptEnd::NoRoom(reason) => {
                        tracing::debug!(reason, "an activity waits for an instance");
                        tokio::time::sleep(ROOM_WAIT).await;
                    }
                }
            }
        })
    }
}

/// A failure that says `canceled` reports the activity as canceled, others as failed.
fn ended(failure: Failure) -> ActivityEnd {
    use sandglass_core::FailureInfo;
    match failure.info {
        Some(FailureInfo::Canceled(canceled)) => {
            ActivityEnd::Canceled { details: canceled.details }
        }
        _ => failed(failure),
    }
}

fn failed(failure: Failure) -> ActivityEnd {
    ActivityEnd::Failed { failure, last_heartbeat_details: None }
}

/// What an attempt's component reaches of the host.
struct Outside(ActivityContext);

impl ActivityHost for Outside {
    fn task(&self) -> &ActivityTask {
        self.0.info()
    }

    fn heartbeat(&self, details: Vec<Payload>) -> BoxFuture<'_, Option<CancelReason>> {
        Box::pin(std::future::ready(self.0.heartbeat_payloads(details)))
    }
}
