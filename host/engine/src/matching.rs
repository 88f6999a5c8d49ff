//! Task queues: what waits for a worker, and how many tasks the workers of this process take at once.
//!
//! An entry is only a hint: who takes it asks the run's execution, which knows whether it still stands. So a queue is rebuilt from the
//! runs after a crash, and a stale entry does no harm.

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;

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
    /// Workers over the wire that wait for a task of any type, in turn. While one waits, no task does.
    polls: VecDeque<(u64, oneshot::Sender<Waiting>)>,
}

/// What a poll finds.
pub(crate) enum Polled {
    /// A task that has waited.
    Task(Waiting),
    /// None yet: the next one comes there, unless the poll of that number is given up before.
    Later(u64, oneshot::Receiver<Waiting>),
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

    /// Gives a task to a worker that polls, or puts it at the end of its queue.
    pub(crate) fn wait(&self, queue: &str, task: Waiting) {
        let mut state = self.state.lock();
        state.arrivals += 1;
        let arrival = state.arrivals;
        let queue = state.queues.entry(queue.into()).or_default();
        let Some(task) = queue.offer(task) else { return };
        queue.waiting.entry(Arc::clone(&task.task_type)).or_default().push_back((arrival, task));
    }

    /// Gives a task, which was taken for nothing, to another worker that polls, or puts it first in its queue.
    pub(crate) fn wait_again(&self, queue: &str, task: Waiting) {
        let mut state = self.state.lock();
        let queue = state.queues.entry(queue.into()).or_default();
        let Some(task) = queue.offer(task) else { return };
        queue.waiting.entry(Arc::clone(&task.task_type)).or_default().push_front((0, task));
    }

    /// Takes the task that has waited longest in that queue, or waits for the next one.
    pub(crate) fn poll(&self, queue: &str) -> Polled {
        let mut state = self.state.lock();
        state.arrivals += 1;
        let number = state.arrivals;
        let queue = state.queues.entry(queue.into()).or_default();
        if let Some(task) = queue.pop_first() {
            return Polled::Task(task);
        }
        let (sender, receiver) = oneshot::channel();
        queue.polls.push_back((number, sender));
        Polled::Later(number, receiver)
    }

    /// That poll waits no more.
    pub(crate) fn give_up(&self, queue: &str, number: u64) {
        let mut state = self.state.lock();
        let Some(it) = state.queues.get_mut(queue) else { return };
        it.polls.retain(|(poll, _)| *poll != number);
        if it.running == 0 && it.waiting.is_empty() && it.polls.is_empty() {
            // Names of queues come from callers: none stays for its own sake.
            state.queues.remove(queue);
        }
    }

    /// How many polls wait in that queue.
    pub(crate) fn polls(&self, queue: &str) -> usize {
        self.state.lock().queues.get(queue).map_or(0, |queue| queue.polls.len())
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

impl Queue {
    /// Gives the task to the poll that has waited longest; gives it back if none does.
    fn offer(&mut self, mut task: Waiting) -> Option<Waiting> {
        while let Some((_, poll)) = self.polls.pop_front() {
            match poll.send(task) {
                Ok(()) => return None,
                Err(refused) => task = refused,
            }
        }
        Some(task)
    }

    fn pop_first(&mut self) -> Option<Waiting> {
        let first = |waiting: &VecDeque<(u64, Waiting)>| waiting.front().map(|front| front.0);
        let (_, task_type) = self
            .waiting
            .iter()
            .filter_map(|(task_type, waiting)| Some((first(waiting)?, task_type)))
            .min_by_key(|(arrival, _)| *arrival)
            .map(|(arrival, task_type)| (arrival, Arc::clone(task_type)))?;
        let waiting = self.waiting.get_mut(&task_type)?;
        let task = waiting.pop_front()?.1;
        if waiting.is_empty() {
            self.waiting.remove(&task_type);
        }
        Some(task)
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
    fn a_poll_gets_what_waits_longest_or_comes_next() {
        let tasks = Tasks::new(1, true);
        tasks.wait("a", task("1", "t"));
        tasks.wait("a", task("2", "s"));
        let taken = |polled| match polled {
            Polled::Task(task) => task.workflow_id.to_string(),
            Polled::Later(..) => "later".into(),
        };
        assert_eq!(taken(tasks.poll("b")), "later");
        assert_eq!(taken(tasks.poll("a")), "1");
        assert_eq!(taken(tasks.poll("a")), "2");
        // The first of these has gone without a word, the second has given up: the third gets it.
        assert_eq!(taken(tasks.poll("a")), "later");
        let Polled::Later(second, _receiver) = tasks.poll("a") else { panic!("a task") };
        let Polled::Later(_, mut third) = tasks.poll("a") else { panic!("a task") };
        tasks.give_up("a", second);
        tasks.wait("a", task("3", "t"));
        assert_eq!(third.try_recv().map(|task| task.workflow_id.to_string()), Ok("3".into()));
        tasks.wait("a", task("4", "t"));
        tasks.wait_again("a", task("3", "t"));
        assert_eq!(taken(tasks.poll("a")), "3");
        assert_eq!(taken(tasks.poll("a")), "4");
    }

    #[test]
    fn queues_that_nobody_uses_are_forgotten() {
        let tasks = Tasks::new(1, true);
        let Polled::Later(number, _) = tasks.poll("a") else { panic!("a task") };
        assert_eq!(tasks.polls("a"), 1);
        tasks.give_up("a", number);
        assert!(tasks.state.lock().queues.is_empty());
    }

    #[test]
    fn a_newcomer_does_not_overtake() {
        let tasks = Tasks::new(1, true);
        tasks.wait("a", task("1", "t"));
        assert!(!tasks.try_begin("a", "t"));
    }
}
