//! Task queues: what waits for a worker, and how many tasks the workers of this process take at once.
//!
//! An entry is only a hint: who takes it asks the run's execution, which knows whether it still stands. So a queue is rebuilt from the
//! runs after a crash, and a stale entry does no harm; those of a run that has closed are dropped.

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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
    /// Temporal's priority key: a lower one goes first.
    pub(crate) rank: i32,
}

/// The rank of what has none: the middle of Temporal's five.
pub(crate) const RANK: i32 = 3;

/// Where a task stands among those that wait: by rank, and then by when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: i32,
    arrival: i64,
}

/// Where a run's task waits: its queue, its type, and its place.
type Hint = (Arc<str>, Arc<str>, Place);

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
    waiting: BTreeMap<Arc<str>, BTreeMap<Place, Waiting>>,
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
    queues: BTreeMap<Arc<str>, Queue>,
    running: usize,
    arrivals: u64,
    /// What waits, by run.
    of_runs: HashMap<Arc<str>, Vec<Hint>>,
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

    /// Takes a slot for a task that has just come and that is served here. It waits if it is not, if others wait before it, or if there is no
    /// slot: in one step, so that whoever gives a slot back meanwhile finds it.
    pub(crate) fn begin_or_wait(
        &self,
        queue: &str,
        task_type: &str,
        is_served: bool,
        task: impl FnOnce() -> Waiting,
    ) -> bool {
        let mut state = self.state.lock();
        let begins = is_served && self.has_slot(&state, queue) && !state.waits(queue, task_type);
        if !begins {
            state.arrive(queue, task());
        } else if let Some(queue) = state.queues.get_mut(queue) {
            queue.running += 1;
            state.running += 1;
        } else {
            state.queues.insert(queue.into(), Queue { running: 1, ..Queue::default() });
            state.running += 1;
        }
        begins
    }

    /// Gives a slot back.
    pub(crate) fn end(&self, queue: &str) {
        let mut state = self.state.lock();
        state.running = state.running.saturating_sub(1);
        if let Some(it) = state.queues.get_mut(queue) {
            it.running = it.running.saturating_sub(1);
        }
        state.forget_unused(queue);
    }

    /// Gives a task to a worker that polls, or puts it behind those of its rank.
    pub(crate) fn wait(&self, queue: &str, task: Waiting) {
        self.state.lock().arrive(queue, task);
    }

    /// Gives a task, which was taken for nothing, to another worker that polls, or puts it before those of its rank.
    pub(crate) fn wait_again(&self, queue: &str, task: Waiting) {
        let mut state = self.state.lock();
        state.arrivals += 1;
        let arrival = i64::try_from(state.arrivals).map_or(i64::MIN, |arrival| -arrival);
        state.offer(queue, task, arrival);
    }

    /// That run has closed: nothing of it waits any more.
    pub(crate) fn forget(&self, run_id: &str) {
        let mut state = self.state.lock();
        for (queue, task_type, place) in state.of_runs.remove(run_id).unwrap_or_default() {
            if let Some(queue) = state.queues.get_mut(&queue) {
                queue.remove(&task_type, place);
            }
            state.forget_unused(&queue);
        }
    }

    /// Takes the task that has waited longest in that queue, or waits for the next one.
    pub(crate) fn poll(&self, queue: &str) -> Polled {
        let mut state = self.state.lock();
        state.arrivals += 1;
        let number = state.arrivals;
        let first = state.queues.get(queue).and_then(|queue| queue.first(|_| true));
        if let Some(task) = first.and_then(|(place, kind)| state.take(queue, &kind, place)) {
            state.forget_unused(queue);
            return Polled::Task(task);
        }
        let (sender, receiver) = oneshot::channel();
        state.queues.entry(queue.into()).or_default().polls.push_back((number, sender));
        Polled::Later(number, receiver)
    }

    /// That poll waits no more.
    pub(crate) fn give_up(&self, queue: &str, number: u64) {
        let mut state = self.state.lock();
        let Some(it) = state.queues.get_mut(queue) else { return };
        it.polls.retain(|(poll, _)| *poll != number);
        state.forget_unused(queue);
    }

    /// How many tasks wait in that queue.
    pub(crate) fn waiting_in(&self, queue: &str) -> usize {
        let state = self.state.lock();
        let queue = state.queues.get(queue);
        queue.map_or(0, |queue| queue.waiting.values().map(BTreeMap::len).sum())
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
        let (_, name, task_type, place) = state
            .queues
            .iter()
            .filter(|(name, _)| served.contains(name) && self.has_slot(&state, name))
            .filter_map(|(name, queue)| {
                let (place, task_type) = queue.first(&has_type)?;
                Some((place, Arc::clone(name), task_type, place))
            })
            .min_by_key(|(place, ..)| *place)?;
        let task = state.take(&name, &task_type, place)?;
        state.running += 1;
        state.queues.entry(Arc::clone(&name)).or_default().running += 1;
        Some((name.as_ref().into(), task))
    }

    /// How many tasks wait, in all queues.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state.lock();
        state.queues.values().flat_map(|queue| queue.waiting.values()).map(BTreeMap::len).sum()
    }
}

impl Queue {
    fn is_unused(&self) -> bool {
        self.running == 0 && self.waiting.is_empty() && self.polls.is_empty()
    }

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

    /// The task that goes first among those of the types that are wanted.
    fn first(&self, wanted: impl Fn(&str) -> bool) -> Option<(Place, Arc<str>)> {
        self.waiting
            .iter()
            .filter(|(task_type, _)| wanted(task_type))
            .filter_map(|(task_type, waiting)| Some((*waiting.first_key_value()?.0, task_type)))
            .min_by_key(|(place, _)| *place)
            .map(|(place, task_type)| (place, Arc::clone(task_type)))
    }

    fn remove(&mut self, task_type: &str, place: Place) -> Option<Waiting> {
        let waiting = self.waiting.get_mut(task_type)?;
        let task = waiting.remove(&place);
        if waiting.is_empty() {
            self.waiting.remove(task_type);
        }
        task
    }
}

impl State {
    fn waits(&self, queue: &str, task_type: &str) -> bool {
        self.queues.get(queue).is_some_and(|queue| queue.waiting.contains_key(task_type))
    }

    fn arrive(&mut self, queue: &str, task: Waiting) {
        self.arrivals += 1;
        let arrival = i64::try_from(self.arrivals).unwrap_or(i64::MAX);
        self.offer(queue, task, arrival);
    }

    fn offer(&mut self, queue: &str, task: Waiting, arrival: i64) {
        let Some(task) = self.queues.entry(queue.into()).or_default().offer(task) else {
            return self.forget_unused(queue);
        };
        let place = Place { rank: task.rank, arrival };
        let hint = (queue.into(), Arc::clone(&task.task_type), place);
        self.of_runs.entry(Arc::clone(&task.run_id)).or_default().push(hint);
        let queue = self.queues.entry(queue.into()).or_default();
        queue.waiting.entry(Arc::clone(&task.task_type)).or_default().insert(place, task);
    }

    /// Takes a task out.
    fn take(&mut self, queue: &str, task_type: &str, place: Place) -> Option<Waiting> {
        let task = self.queues.get_mut(queue)?.remove(task_type, place)?;
        if let Some(hints) = self.of_runs.get_mut(&task.run_id) {
            hints.retain(|(_, _, hint)| *hint != place);
            if hints.is_empty() {
                self.of_runs.remove(&task.run_id);
            }
        }
        Some(task)
    }

    /// Names of queues come from callers: none stays for its own sake.
    fn forget_unused(&mut self, queue: &str) {
        if self.queues.get(queue).is_some_and(Queue::is_unused) {
            self.queues.remove(queue);
        }
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
            rank: RANK,
        }
    }

    #[test]
    fn a_lower_key_goes_first() {
        let tasks = Tasks::new(9, true);
        for (id, rank) in [("1", 3), ("2", 5), ("3", 1), ("4", 3)] {
            tasks.wait("a", Waiting { rank, ..task(id, if rank == 1 { "s" } else { "t" }) });
        }
        let next = || tasks.next(&ServedQueues::Any, |_| true).map(|(_, t)| t.workflow_id);
        let order: Vec<Arc<str>> = std::iter::from_fn(next).collect();
        assert_eq!(order, ["3", "1", "4", "2"].map(Arc::from));
    }

    #[test]
    fn of_a_closed_run_nothing_waits() {
        let tasks = Tasks::new(1, true);
        let other = Waiting { run_id: "other".into(), ..task("2", "t") };
        for queue in ["a", "b"] {
            tasks.wait(queue, task("1", "t"));
            tasks.wait(queue, task("1", "s"));
        }
        tasks.wait("b", other.clone());
        tasks.forget("r");
        assert_eq!(tasks.waiting(), 1);
        assert_eq!(tasks.state.lock().queues.keys().map(|it| &**it).collect::<Vec<_>>(), ["b"]);
        assert_eq!(tasks.next(&ServedQueues::Any, |_| true), Some(("b".into(), other)));
        tasks.end("b");
        let state = tasks.state.lock();
        assert!(state.queues.is_empty() && state.of_runs.is_empty());
    }

    fn begins(tasks: &Tasks, queue: &str, is_served: bool) -> bool {
        tasks.begin_or_wait(queue, "t", is_served, || task("1", "t"))
    }

    #[test]
    fn each_queue_has_its_own_bound() {
        let tasks = Tasks::new(1, true);
        assert!(begins(&tasks, "a", true));
        assert!(!begins(&tasks, "a", true));
        assert!(begins(&tasks, "b", true));
        tasks.end("a");
        // What waits goes before what comes.
        assert!(!begins(&tasks, "a", true));
        assert_eq!(tasks.waiting_in("a"), 2);
        assert!(tasks.next(&ServedQueues::Any, |_| true).is_some());
        assert!(tasks.next(&ServedQueues::Any, |_| true).is_none());
    }

    #[test]
    fn what_nobody_here_serves_waits() {
        let tasks = Tasks::new(1, true);
        assert!(!begins(&tasks, "a", false));
        assert_eq!(tasks.waiting_in("a"), 1);
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
        assert!(!begins(&tasks, "a", true));
    }
}
