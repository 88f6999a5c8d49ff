//! When each open run is due next: one time a run, whatever it waits for. What happens then is the core's `Advance`.

use crate::clock::Clock;
use parking_lot::Mutex;
use sandglass_core::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::Notify;

/// The due times of all open runs, by workflow id.
#[derive(Default)]
pub(crate) struct Timers {
    due: Mutex<Due>,
    earlier: Notify,
}

#[derive(Default)]
struct Due {
    order: BTreeSet<(Timestamp, Arc<str>)>,
    by_workflow: HashMap<Arc<str>, Timestamp>,
}

impl Timers {
    /// Sets when `workflow_id` is due next; `None` if it waits for no time.
    pub(crate) fn set(&self, workflow_id: &Arc<str>, due: Option<Timestamp>) {
        let mut timers = self.due.lock();
        let before = match due {
            Some(due) => timers.by_workflow.insert(Arc::clone(workflow_id), due),
            None => timers.by_workflow.remove(workflow_id),
        };
        if before == due {
            return;
        }
        if let Some(before) = before {
            timers.order.remove(&(before, Arc::clone(workflow_id)));
        }
        let Some(due) = due else { return };
        timers.order.insert((due, Arc::clone(workflow_id)));
        if timers.order.first().is_some_and(|first| first.0 == due) {
            drop(timers);
            self.earlier.notify_one();
        }
    }

    /// Waits until a run is due, and takes those that are, at most `limit`.
    pub(crate) async fn next_due(&self, clock: &Clock, limit: usize) -> Vec<Arc<str>> {
        loop {
            let earlier = self.earlier.notified();
            let due = self.take_due(clock.now(), limit);
            if !due.is_empty() {
                return due;
            }
            let first = self.due.lock().order.first().map(|first| first.0);
            match first {
                Some(first) => tokio::select! {
                    () = clock.sleep_until(first) => {}
                    () = earlier => {}
                },
                None => earlier.await,
            }
        }
    }

    fn take_due(&self, now: Timestamp, limit: usize) -> Vec<Arc<str>> {
        let mut timers = self.due.lock();
        let mut due = Vec::new();
        while due.len() < limit
            && let Some(first) = timers.order.first()
            && first.0 <= now
        {
            let Some((_, workflow_id)) = timers.order.pop_first() else { break };
            timers.by_workflow.remove(&workflow_id);
            due.push(workflow_id);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn runs_become_due_in_order() {
        let timers = Timers::default();
        let clock = Clock::test(Timestamp(0));
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        timers.set(&a, Some(Timestamp(20)));
        timers.set(&b, Some(Timestamp(10)));
        timers.set(&a, Some(Timestamp(5)));
        clock.advance(Duration::from_nanos(10));
        assert_eq!(timers.next_due(&clock, 9).await, [Arc::clone(&a), Arc::clone(&b)]);
        timers.set(&a, Some(Timestamp(20)));
        timers.set(&a, None);
        timers.set(&b, Some(Timestamp(11)));
        clock.advance(Duration::from_nanos(50));
        assert_eq!(timers.next_due(&clock, 9).await, [b]);
    }
}
