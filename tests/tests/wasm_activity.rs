//! Activities as components: heartbeats, the real clock, failures, an end from outside.

use futures::future::BoxFuture;
use sandglass_core::Payload;
use sandglass_core::engine::{ActivityTask, CancelReason};
use sandglass_host::wasm::{
    ActivityComponent, ActivityHost, AttemptEnd, Engine, EngineOptions, attempt, tracing_sink,
};
use sandglass_tests::guest;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Cancels after so many heartbeats.
struct Host {
    task: ActivityTask,
    heartbeats: Mutex<Vec<Vec<Payload>>>,
    cancel_after: usize,
}

impl ActivityHost for Host {
    fn task(&self) -> &ActivityTask {
        &self.task
    }

    fn heartbeat(&self, details: Vec<Payload>) -> BoxFuture<'_, Option<CancelReason>> {
        let mut heartbeats = self.heartbeats.lock().unwrap();
        heartbeats.push(details);
        let canceled = heartbeats.len() > self.cancel_after;
        drop(heartbeats);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            canceled.then_some(CancelReason::CancelRequested)
        })
    }
}

fn host(activity_type: &'static str, cancel_after: usize) -> Arc<Host> {
    let task = ActivityTask {
        activity_type: activity_type.into(),
        attempt: 1,
        input: Some(vec![Payload::json("\"World\"")].into()),
        heartbeat_details: Some(vec![Payload::json("41")].into()),
        ..ActivityTask::default()
    };
    Arc::new(Host { task, heartbeats: Mutex::default(), cancel_after })
}

async fn run(host: Arc<Host>) -> AttemptEnd {
    let engine =
        Engine::new(EngineOptions { instances_max: 4, ..EngineOptions::default() }).unwrap();
    let bytes = fs::read(guest("greeting-activity")).unwrap();
    let component = ActivityComponent::load(&engine, &bytes).unwrap();
    attempt(&engine, &component, host, tracing_sink()).await
}

#[tokio::test]
async fn an_activity_heartbeats_sleeps_and_hears_of_its_cancellation() {
    let host = host("cancellable_activity", 2);
    let begun = Instant::now();
    let AttemptEnd::Returned(Err(failure)) = run(Arc::clone(&host)).await else {
        panic!("it was not canceled");
    };
    assert!(failure.is_canceled());
    // It goes on where the last attempt was, and sleeps for 0.1 s between two heartbeats.
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
    let details = ["41", "42", "43"].map(|step| vec![Payload::json(step)]);
    assert_eq!(*host.heartbeats.lock().unwrap(), details);
}

#[tokio::test]
async fn an_activity_returns_a_result_or_a_failure() {
    let end = run(host("cleanup", 0)).await;
    assert_eq!(end, AttemptEnd::Returned(Ok(Payload::json("\"cleaned up\""))));
    let AttemptEnd::Returned(Err(failure)) = run(host("other", 0)).await else {
        panic!("it did not fail");
    };
    assert_eq!(failure.message, "no activity other here");
}

#[tokio::test]
async fn an_attempt_that_nobody_waits_for_is_ended() {
    let host = host("cancellable_activity", usize::MAX);
    let attempt = run(Arc::clone(&host));
    assert!(tokio::time::timeout(Duration::from_millis(1500), attempt).await.is_err());
    // The one that is on its way may still come.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let heartbeats = host.heartbeats.lock().unwrap().len();
    assert!(heartbeats > 0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(host.heartbeats.lock().unwrap().len(), heartbeats);
}
