//! Task queues: what waits for a worker, and how many tasks the workers of this process take at once.
//!
//! An entry is only a hint: who takes it asks the run's execution, which knows whether it still stands. So a queue is rebuilt from the
//! runs after a crash, and a stale entry does no harm.

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A task that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) workflow_id: Arc<str>,
    pub(crate) run_id: Arc<str>,
    /// The workflow's or the activity's type.
    pub(crate) task_type: Arc<str>,
    /// Of an activity: its ActivityTaskScheduled; 0 for a workflow task.
    pub(crate) scheduled_event_id: i64,
    pub(crate) attempt: u32,
}

/// The queues that the workers of this process serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServedQueues {
    /// Those, by name.
    Named(BTreeSet<String>),
    /// All of them.
    Any,
}

impl ServedQueues {
    pub(crate) fn contains(&self, queue: &str) -> bool {
        match self {
            ServedQueues::Named(names) => names.contains(queue),
            ServedQueues::Any => true,
        }
    }
}

/// What waits in one queue for one kind of worker, and how many of its tasks are being done.
#[derive(Default)]
struct Queue {
    running: usize,
    /// By type, since a worker takes only the types that it has.
    waiting: BTreeMap<Arc<str>, VecDeque<(u64, Waiting)>>,
}

/// Tasks of one kind (workflow or activity) in all queues.
pub(crate) struct Tasks {
    /// How many are done at once; of activities, in each queue.
    at_once: usize,
    per_queue: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: BTreeMap<String, Queue>,
    running: usize,
    arrivals: u64,
}

impl Tasks {
    pub(crate) fn new(at_once: usize, per_queue: bool) -> Self {
        Tasks { at_once, per_queue, state: Mutex::default() }
    }

    fn has_slot(&self, state: &State, queue: &str) -> bool {
        let running = match self.per_queue {
            true => state.queues.get(queue).map_or(0, |queue| queue.running),
            false => state.running,
        };
        running < self.at_once
    }

    /// Takes a slot for a task that has just come, unless others wait before it or there is none.
    pub(crate) fn try_begin(&self, queue: &str, task_type: &str) -> bool {
        let mut state = self.state.lock();
        if !self.has_slot(&state, queue) {
            return false;
        }
        let waits = state
            .queues
            .get(queue)
            .and_then(|queue| queue.waiting.get(task_type))
            .is_some_and(|waiting| !waiting.is_empty());
        if waits {
            return false;
        }
        state.running += 1;
        if let Some(queue) = state.queues.get_mut(queue) {
            queue.running += 1;
        } else {
            state.queues.insert(queue.into(), Queue { running: 1, ..Queue::default() });
        }
        true
    }

    /// Gives a slot back.
    pub(crate) fn end(&self, queue: &str) {
        let mut state = self.state.lock();
        state.running = state.running.saturating_sub(1);
        if let Some(queue) = state.queues.get_mut(queue) {
            queue.running = queue.running.saturating_sub(1);
        }
    }

    /// Puts a task at the end of its queue.
    pub(crate) fn wait(&self, queue: &str, task: Waiting) {
        let mut state = self.state.lock();
        state.arrivals += 1;
        let arrival = state.arrivals;
        let queue = state.queues.entry(queue.into()).or_default();
        queue.waiting.entry(Arc::clone(&task.task_type)).or_default().push_back((arrival, task));
    }

    /// Takes the task that has waited longest among those for which there are a worker and a slot; the slot is taken with it.
    pub(crate) fn next(
        &self,
        served: &ServedQueues,
        has_type: impl Fn(&str) -> bool,
    ) -> Option<(String, Waiting)> {
        let mut state = self.state.lock();
        let (_, name, task_type) = state
            .queues
            .iter()
            .filter(|(name, _)| served.contains(name) && self.has_slot(&state, name))
            .flat_map(|(name, queue)| {
                queue.waiting.iter().filter_map(move |(task_type, waiting)| {
                    waiting.front().map(|front| (front.0, name, task_type))
                })
            })
            .filter(|(_, _, task_type)| has_type(task_type))
            .min_by_key(|(arrival, _, _)| *arrival)
            .map(|(arrival, name, task_type)| (arrival, name.clone(), Arc::clone(task_type)))?;
        state.running += 1;
        let queue = state.queues.get_mut(&name)?;
        queue.running += 1;
        let waiting = queue.waiting.get_mut(&task_type)?;
        let task = waiting.pop_front()?.1;
        if waiting.is_empty() {
            queue.waiting.remove(&task_type);
        }
        Some((name, task))
    }

    /// How many tasks wait, in all queues.
    #[cfg(test)]
    fn waiting(&self) -> usize {
        let state = self.state.lock();
        state.queues.values().flat_map(|queue| queue.waiting.values()).map(VecDeque::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(workflow_id: &str, task_type: &str) -> Waiting {
        Waiting {
            workflow_id: workflow_id.into(),
            run_id: "r".into(),
            task_type: task_type.into(),
            scheduled_event_id: 5,
            attempt: 1,
        }
    }

    #[test]
    fn each_queue_has_its_own_bound() {
        let tasks = Tasks::new(1, true);
        assert!(tasks.try_begin("a", "t"));
        assert!(!tasks.try_begin("a", "t"));
        assert!(tasks.try_begin("b", "t"));
        tasks.end("a");
        assert!(tasks.try_begin("a", "t"));
    }

    #[test]
    fn the_longest_waiting_goes_first_where_a_worker_has_its_type() {
        let tasks = Tasks::new(2, false);
        tasks.wait("a", task("1", "unknown"));
        tasks.wait("b", task("2", "t"));
        tasks.wait("a", task("3", "t"));
        let next = || tasks.next(&ServedQueues::Any, |t| t == "t").map(|(q, t)| (q, t.workflow_id));
        assert_eq!(next(), Some(("b".into(), "2".into())));
        assert_eq!(next(), Some(("a".into(), "3".into())));
        assert_eq!(next(), None);
        tasks.end("a");
        assert_eq!(next(), None);
        assert_eq!(tasks.waiting(), 1);
    }

    #[test]
    fn a_newcomer_does_not_overtake() {
        let tasks = Tasks::new(1, true);
        tasks.wait("a", task("1", "t"));
        assert!(!tasks.try_begin("a", "t"));
    }
}
