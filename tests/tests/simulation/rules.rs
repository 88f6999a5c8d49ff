//! What has to hold: of a run that closed, of one at rest, of its log at any time, and of its history in the end.

use crate::clients::signal_input;
use crate::guest::Name;
use crate::worker::events;
use crate::world::World;
use sandglass_core::engine::{Description, Entry, Execution, PendingActivityState, StateChange};
use sandglass_core::event::workflow_task::FailedCause;
use sandglass_core::failure::{FailureInfo, TimeoutType};
use sandglass_core::worker::{CancellationType, Limits};
use sandglass_core::{Attributes, Failure, HistoryEvent, Payloads};
use sandglass_tests::scripted::ScriptedGuest;
use std::collections::BTreeMap;
use std::sync::Arc;

impl World {
    /// No guest runs once the run is closed.
    pub fn check_closed(&self) {
        if let Some((_, polls)) = self.closed {
            assert_eq!(self.code.polls(), polls, "code ran although the run is closed");
        }
    }

    /// Nothing can be done, so that only a signal is missing.
    pub fn check_rest(&mut self) {
        let description = self.describe().expect("there is a run");
        assert!(self.code.awaits_signal(), "it waits for nothing: {description:#?}");
        assert_eq!(description.pending_workflow_task, None, "a task that nobody does");
        assert!(description.pending_timers.is_empty(), "a timer that nobody waits for");
        self.seen.note("at rest until a signal comes");
    }

    /// A process that has opened the store has put right what the dead one was doing, and nothing else.
    pub fn check_recovered(&self, before: &Description) {
        let live = &self.process.live.as_ref().expect("the run is in memory").execution;
        if live.closed().is_some() {
            return;
        }
        assert!(!live.workflow_task_started(), "a task that nobody does is not given up");
        let after = running(&live.describe());
        assert!(after.iter().all(|it| self.over_wire.contains(it)), "lost attempts in {after:?}");
        let mut kept = running(before);
        kept.retain(|attempt| self.over_wire.contains(attempt));
        assert_eq!(after, kept, "attempts of workers that live are given up");
    }

    /// Recovery may leave the run where it is: nobody was doing anything for it.
    pub fn check_quiet(&self) {
        let left = self.disk.load(false).expect("the log can be read").describe();
        assert_eq!(left.pending_workflow_task, None, "a task that recovery leaves");
        let runs = running(&left);
        assert!(runs.iter().all(|it| self.over_wire.contains(it)), "lost attempts in {runs:?}");
    }

    /// The log leads to the run that is in memory, and so does a snapshot.
    pub fn compare_with_log(&self) {
        let live = &self.process.live.as_ref().expect("the run is in memory").execution;
        let entries = || self.log.iter().cloned().map(Ok);
        let restored = Execution::restore(None, entries()).expect("the log can be read");
        assert_eq!(restored, *live, "the log leads elsewhere");
        assert_eq!(restored.snapshot(), live.snapshot(), "the log leads to another snapshot");
        let snapshot = live.snapshot();
        let by_snapshot = Execution::restore(Some(&snapshot), []).expect("it can be read");
        assert_eq!(by_snapshot, *live, "the snapshot leads elsewhere");
        let wanted = lasting(live.describe());
        assert_eq!(lasting(restored.describe()), wanted, "described otherwise from the log");
        assert_eq!(lasting(by_snapshot.describe()), wanted, "described otherwise");
        assert_eq!(by_snapshot.due(), restored.due(), "another thing is due");
        if live.is_quiet() && self.attempts.is_empty() {
            assert_eq!(restored.due(), live.due(), "another thing is due");
        }
    }

    /// Everything that has to hold in the end.
    pub fn check_end(&mut self) {
        assert_eq!(self.disk.log(), self.log, "the disk holds another log");
        self.compare_with_log();
        let events = events(&self.log);
        check_order(&events);
        check_starts(&events);
        check_attempts(&events);
        check_transient(&self.log);
        self.check_promises(&events);
        self.check_decisions(&events);
        self.check_replay(&events);
    }

    /// What clients were told is so.
    fn check_promises(&mut self, events: &[Arc<HistoryEvent>]) {
        let mut signals = Vec::new();
        let mut cancels = 0;
        for event in events {
            match &event.attributes {
                Attributes::WorkflowExecutionSignaled(signal) => signals.push(signal.input.clone()),
                Attributes::WorkflowExecutionCancelRequested(_) => cancels += 1,
                _ => {}
            }
        }
        let accepted: Vec<_> =
            self.clients.accepted.iter().map(|(_, number)| signal_input(*number)).collect();
        assert_eq!(signals, accepted, "signals in the history, and those that were accepted");
        for number in self.clients.acknowledged() {
            let times = signals.iter().filter(|it| **it == signal_input(number)).count();
            assert_eq!(times, 1, "signal {number} was acknowledged");
        }
        let wanted = usize::from(self.clients.cancel_accepted.is_some());
        assert_eq!(cancels, wanted, "cancels in the history, and those that were accepted");
        if self.clients.cancel_acknowledged() && cancels == 0 {
            self.seen.note("a cancel of a closed run");
        }
        if self.clients.terminate_accepted.is_some() {
            let last = events.last().map(|event| &event.attributes);
            assert!(
                matches!(last, Some(Attributes::WorkflowExecutionTerminated(it)) if it.reason == "at once")
            );
            assert_eq!(self.clients.terminate, crate::clients::Asked::Acknowledged);
        }
    }

    /// A fresh guest that is fed task by task decides the same.
    fn check_decisions(&self, events: &[Arc<HistoryEvent>]) {
        let mut guest = ScriptedGuest::new(&self.code.script, Limits::default());
        let mut fed = 0;
        for decided in &self.decisions {
            let id = decided.token.started_event_id as usize;
            let decision = guest.work(&events[fed..id]).expect("the history fits the code");
            fed = id;
            let decision = decision.expect("a live task");
            assert_eq!(decision.commands, decided.commands, "the task of event {id}");
        }
        let completions = events
            .iter()
            .filter(|it| matches!(it.attributes, Attributes::WorkflowTaskCompleted(_)))
            .count();
        assert_eq!(completions, self.decisions.len(), "a task completed that nobody answered");
    }

    /// The whole history replays in a fresh guest.
    fn check_replay(&mut self, events: &[Arc<HistoryEvent>]) {
        let mut guest = ScriptedGuest::new(&self.code.script, Limits::default());
        assert_eq!(guest.work(events), Ok(None), "the history replays");
        let last = &events.last().expect("a history").attributes;
        let decided = matches!(
            last,
            Attributes::WorkflowExecutionCompleted(_)
                | Attributes::WorkflowExecutionFailed(_)
                | Attributes::WorkflowExecutionCanceled(_)
        );
        assert_eq!(guest.run().is_over(), decided);
        self.check_received(events);
        self.check_first(events);
        self.check_abandoned(events);
    }

    /// What was abandoned runs on: nobody asks it to stop.
    fn check_abandoned(&self, events: &[Arc<HistoryEvent>]) {
        for event in events {
            if let Attributes::ActivityTaskCancelRequested(asked) = &event.attributes {
                let scheduled = &events[asked.scheduled_event_id as usize - 1].attributes;
                let Attributes::ActivityTaskScheduled(it) = scheduled else {
                    panic!("event {} asks no activity", event.event_id)
                };
                let name = Name::Activity(it.activity_id.parse().expect("a number"));
                let kind = self.code.cancellation_type(name);
                assert_ne!(kind, CancellationType::Abandon, "{name:?} is asked to stop");
            }
        }
    }

    /// The guest gets signals in the order of the history.
    fn check_received(&self, events: &[Arc<HistoryEvent>]) {
        let sent = events.iter().filter_map(|event| match &event.attributes {
            Attributes::WorkflowExecutionSignaled(signal) => Some(signal.input.clone()),
            _ => None,
        });
        let received = self.code.received();
        let received = received.into_iter().map(|signal| Payloads::some(signal.input));
        let pairs: Vec<_> = received.zip(sent).collect();
        assert!(pairs.iter().all(|(received, sent)| received == sent), "received: {pairs:?}");
    }

    /// What was ready at once was seen in the order of the history.
    fn check_first(&mut self, events: &[Arc<HistoryEvent>]) {
        let ended = ends(events);
        for order in self.code.orders() {
            let at: Vec<i64> = order.iter().map(|name| ended[name]).collect();
            assert!(at.is_sorted(), "{order:?} end at {at:?}");
            if at.len() > 1 {
                self.seen.note("several things are ready at once");
            }
        }
    }

    /// Takes down what kind of thing is in the log.
    pub fn note_entries(&mut self, entries: &[Entry]) {
        let forced = |entry: &Entry| match entry {
            Entry::Event(event) => match &event.attributes {
                Attributes::WorkflowTaskFailed(it) => it.cause == FailedCause::ForceCloseCommand,
                _ => false,
            },
            Entry::Change(_) => false,
        };
        if !self.is_closed() && entries.iter().any(forced) {
            self.seen.note("more is buffered than may be");
        }
        for entry in entries {
            match entry {
                Entry::Event(event) => self.note_event(event),
                Entry::Change(change) => {
                    self.seen.note(change.name());
                    if let StateChange::ActivityAttemptFailed(failed) = change {
                        self.note_failure("retried after", failed.failure.as_ref());
                    }
                }
            }
        }
    }

    fn note_event(&mut self, event: &HistoryEvent) {
        self.seen.note(event.attributes.name());
        match &event.attributes {
            Attributes::WorkflowTaskFailed(failed) => {
                self.seen.note(format!("WorkflowTaskFailed {}", failed.cause.name()));
            }
            Attributes::ActivityTaskFailed(failed) => {
                self.note_failure("ended by", failed.failure.as_ref());
            }
            Attributes::ActivityTaskTimedOut(timed_out) => {
                self.note_failure("ended by", timed_out.failure.as_ref());
            }
            Attributes::WorkflowExecutionTerminated(terminated) => {
                self.seen.note(format!("terminated: {}", terminated.reason));
            }
            _ => {}
        }
    }

    fn note_failure(&mut self, what: &str, failure: Option<&Failure>) {
        let name = match failure.and_then(|failure| failure.info.as_ref()) {
            Some(FailureInfo::Timeout(info)) => match info.timeout_type {
                TimeoutType::StartToClose => "StartToClose",
                TimeoutType::ScheduleToStart => "ScheduleToStart",
                TimeoutType::ScheduleToClose => "ScheduleToClose",
                TimeoutType::Heartbeat => "Heartbeat",
                TimeoutType::Unspecified | TimeoutType::Unknown(_) => "a timeout without a type",
            },
            Some(FailureInfo::Application(info)) => info.r#type.as_str(),
            _ => "something else",
        };
        self.seen.note(format!("an activity's attempt is {what} {name}"));
    }
}

/// The attempts that run.
fn running(description: &Description) -> Vec<(i64, i32)> {
    let running = description.pending_activities.iter();
    let running = running.filter(|it| it.state != PendingActivityState::Scheduled);
    running.map(|it| (it.scheduled_event_id, it.attempt as i32)).collect()
}

/// A description without what stands in memory only.
fn lasting(mut description: Description) -> Description {
    if let Some(task) = &mut description.pending_workflow_task {
        task.started = false;
        task.started_time = None;
    }
    for activity in &mut description.pending_activities {
        activity.last_heartbeat_time = None;
        activity.heartbeat_details = None;
    }
    description
}

fn closes(attributes: &Attributes) -> bool {
    use Attributes as A;
    matches!(
        attributes,
        A::WorkflowExecutionCompleted(_)
            | A::WorkflowExecutionFailed(_)
            | A::WorkflowExecutionCanceled(_)
            | A::WorkflowExecutionTerminated(_)
            | A::WorkflowExecutionTimedOut(_)
    )
}

/// Whether it may stand behind later events: it was buffered, or its start was written only when it mattered.
fn may_be_late(attributes: &Attributes) -> bool {
    use Attributes as A;
    matches!(
        attributes,
        A::WorkflowExecutionSignaled(_)
            | A::WorkflowExecutionCancelRequested(_)
            | A::TimerFired(_)
            | A::WorkflowTaskScheduled(_)
            | A::ActivityTaskStarted(_)
            | A::ActivityTaskCompleted(_)
            | A::ActivityTaskFailed(_)
            | A::ActivityTaskTimedOut(_)
            | A::ActivityTaskCanceled(_)
    )
}

/// The events at which timers and activities ended.
fn ends(events: &[Arc<HistoryEvent>]) -> BTreeMap<Name, i64> {
    use Attributes as A;
    let (mut ids, mut ended) = (BTreeMap::new(), BTreeMap::new());
    let number = |id: &str| id.parse().expect("a number");
    for event in events {
        let scheduled = match &event.attributes {
            A::TimerFired(it) => {
                ended.insert(Name::Timer(number(&it.timer_id)), event.event_id);
                continue;
            }
            A::ActivityTaskScheduled(it) => {
                ids.insert(event.event_id, Name::Activity(number(&it.activity_id)));
                continue;
            }
            A::ActivityTaskCompleted(it) => it.scheduled_event_id,
            A::ActivityTaskFailed(it) => it.scheduled_event_id,
            A::ActivityTaskTimedOut(it) => it.scheduled_event_id,
            A::ActivityTaskCanceled(it) => it.scheduled_event_id,
            _ => continue,
        };
        ended.insert(ids[&scheduled], event.event_id);
    }
    ended
}

/// A workflow task is a later attempt only of one that was not completed.
fn check_attempts(events: &[Arc<HistoryEvent>]) {
    let mut is_new = true;
    for event in events {
        match &event.attributes {
            Attributes::WorkflowTaskScheduled(it) => {
                assert!(it.attempt == 1 || !is_new, "event {} is no attempt", event.event_id);
            }
            Attributes::WorkflowTaskFailed(_) | Attributes::WorkflowTaskTimedOut(_) => {
                is_new = false;
            }
            Attributes::WorkflowTaskCompleted(_) => is_new = true,
            _ => {}
        }
    }
}

/// A task is tried again without an event only if nothing came meanwhile; but for one that was given up because too much came.
fn check_transient(log: &[Entry]) {
    use StateChange as C;
    let (mut news, mut given_up) = (false, false);
    let forced = |cause| cause == FailedCause::ForceCloseCommand;
    for entry in log {
        match entry {
            Entry::Event(event) => match &event.attributes {
                Attributes::WorkflowTaskFailed(it) => given_up = forced(it.cause),
                Attributes::WorkflowTaskStarted(_) => (news, given_up) = (false, false),
                Attributes::WorkflowTaskScheduled(_) | Attributes::WorkflowTaskTimedOut(_) => {}
                _ => news = true,
            },
            Entry::Change(C::TransientTaskFailed(it)) => given_up = forced(it.cause),
            Entry::Change(C::TransientTaskScheduled(_)) => {
                assert!(!news || given_up, "news are tried as if they were known");
                (news, given_up) = (false, false);
            }
            Entry::Change(_) => {}
        }
    }
}

/// The end of an activity names the ActivityTaskStarted that stands before it.
fn check_starts(events: &[Arc<HistoryEvent>]) {
    use Attributes as A;
    let mut started = BTreeMap::new();
    for event in events {
        let (scheduled, start) = match &event.attributes {
            A::ActivityTaskStarted(it) => {
                started.insert(it.scheduled_event_id, event.event_id);
                continue;
            }
            A::ActivityTaskCompleted(it) => (it.scheduled_event_id, it.started_event_id),
            A::ActivityTaskFailed(it) => (it.scheduled_event_id, it.started_event_id),
            A::ActivityTaskTimedOut(it) => (it.scheduled_event_id, it.started_event_id),
            A::ActivityTaskCanceled(it) => (it.scheduled_event_id, it.started_event_id),
            _ => continue,
        };
        let before = started.remove(&scheduled).unwrap_or_default();
        assert_eq!(start, before, "the start of what ends at event {}", event.event_id);
    }
}

/// Ids without gaps, times that never go back, one closing event, and nothing after it.
fn check_order(events: &[Arc<HistoryEvent>]) {
    let mut before = events[0].event_time;
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.event_id, index as i64 + 1, "event ids have a gap");
        if !may_be_late(&event.attributes) {
            assert!(event.event_time >= before, "time goes back at event {}", event.event_id);
            before = event.event_time;
        }
        let last = index + 1 == events.len();
        assert_eq!(closes(&event.attributes), last, "a closing event is not the last one");
    }
}
