//! A whole host on a bad disk and on bad data: what was acknowledged stays, what is refused says why and what to do, other runs go on.
//!
//! What lives here: the workflows that suffer it. The disk is in `disk`, attempts that it
//! makes late or unsure in `attempts`, what is stored in `database`.

mod attempts;
mod database;
mod disk;

use sandglass_core::Payload;
use sandglass_host::{Host, HostBuilder, StartWorkflow, WorkflowHandle, function};
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Script, activity};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Semaphore;

/// The activity `work`: waits until it may end, and counts how often it was called.
#[derive(Default)]
struct Work {
    calls: AtomicU32,
    may_end: Option<Semaphore>,
}

impl Work {
    fn held() -> Arc<Work> {
        Arc::new(Work { may_end: Some(Semaphore::new(0)), ..Work::default() })
    }

    fn release(&self) {
        self.may_end.as_ref().expect("it is held").add_permits(1);
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

fn scripts() -> [(&'static str, Script); 3] {
    [
        // Waits for the signal `go` several times, and returns the last one's argument.
        (
            "wait",
            Script::new(|it: Imports| async move {
                let mut last = Payload::nil();
                for _ in 0..SIGNALS {
                    let signal = it.receive("go").await?;
                    last = signal.input.into_iter().next().unwrap_or_else(Payload::nil);
                }
                Ok(last)
            }),
        ),
        ("work", Script::new(|it: Imports| async move { it.execute(activity("work")).await })),
        (
            "sleep",
            Script::new(|it: Imports| async move {
                it.sleep(3600).await?;
                Ok(Payload::json("\"slept\""))
            }),
        ),
    ]
}

/// Signals that the workflow `wait` waits for.
const SIGNALS: u32 = 3;

fn builder(work: &Arc<Work>) -> HostBuilder {
    let work = Arc::clone(work);
    let function = function(move |_, (): ()| {
        let work = Arc::clone(&work);
        async move {
            work.calls.fetch_add(1, Ordering::SeqCst);
            if let Some(may_end) = &work.may_end {
                may_end.acquire().await.expect("it is never closed").forget();
            }
            Ok("done")
        }
    });
    Host::builder().workflow_worker(NativeWorker::new(scripts())).activity("work", function)
}

/// Starts a workflow whose id is its type's name and that number.
async fn start(host: &Host, workflow_type: &str, number: usize) -> WorkflowHandle {
    let start = StartWorkflow::new(workflow_type, format!("{workflow_type}-{number}"));
    host.client().start(start).await.expect("a start")
}

/// Sends what `wait` waits for, the last with the argument 7.
async fn finish(handle: &WorkflowHandle, signals: u32) {
    for left in (0..signals).rev() {
        handle.signal("go", &(7 + left)).await.expect("a signal");
    }
    assert_eq!(handle.result::<u32>().await.expect("a result"), 7);
}

async fn names(handle: &WorkflowHandle) -> Vec<&'static str> {
    let history = handle.history().await.expect("a history");
    history.events.iter().map(|event| event.attributes.name()).collect()
}
