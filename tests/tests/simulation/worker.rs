//! The workflow worker: guests that are parked or built again from their history, and whether both say the same.

use crate::world::{Decided, World};
use sandglass_core::engine::{Entry, Reply, Request};
use sandglass_core::task::{Answer, WorkflowTask};
use sandglass_core::worker::Limits;
use sandglass_core::{Attributes, HistoryEvent};
use sandglass_tests::scripted::ScriptedGuest;
use std::sync::Arc;

/// What the worker of one process holds.
#[derive(Default)]
pub struct Worker {
    pub parked: Option<ScriptedGuest>,
    pub open: Option<OpenTask>,
}

/// A workflow task that was taken.
pub struct OpenTask {
    task: WorkflowTask,
    /// Over a wire it is handed out when its start is durable.
    ticket: Option<u64>,
    pub answer: Option<Answer>,
}

impl Worker {
    /// The run is void: its guest is dropped wherever it is.
    pub fn evict(&mut self) {
        self.parked = None;
        self.open = None;
    }

    /// An answer that is on its way when the worker is dropped.
    pub fn into_answer(self) -> Option<Answer> {
        self.open.and_then(|open| open.answer)
    }
}

impl World {
    pub fn begin_workflow_task(&mut self, task: WorkflowTask, wire: bool, ticket: u64) {
        check_task(&task);
        if task.attempt > 1 {
            self.seen.note("a transient task attempt");
        }
        let before = self.process.worker.open.take();
        assert!(before.is_none(), "two workflow tasks at once");
        self.process.worker.open =
            Some(OpenTask { task, ticket: wire.then_some(ticket), answer: None });
    }

    /// Whether a guest can run: it is parked, or all of its history can be read.
    pub fn can_compute(&self) -> bool {
        let Some(open) = &self.process.worker.open else { return false };
        let handed_out = open.ticket.is_none_or(|ticket| ticket <= self.disk.durable);
        let parked = self.process.worker.parked.as_ref();
        let fits = parked.is_some_and(|guest| fits(guest, &open.task));
        let whole = open.task.history_first_event_id() == 1 || self.process.queue.is_empty();
        open.answer.is_none() && handed_out && (fits || whole)
    }

    /// The guest runs. One that was parked and one that is built again have to say the same.
    pub fn compute(&mut self) {
        let mut open = self.process.worker.open.take().expect("a task is open");
        let task = &open.task;
        let parked = self.process.worker.parked.take();
        let parked = parked.filter(|guest| fits(guest, task)).map(|mut guest| {
            let answer = guest.answer(task, &task.history);
            (guest, answer)
        });
        let (answer, guest) = match parked {
            Some((guest, answer)) if !self.random.once_in(self.plan.evict_once_in) => {
                (answer, guest)
            }
            parked => {
                let mut history = self.events();
                history.retain(|event| event.event_id < task.history_first_event_id());
                history.extend(task.history.iter().cloned());
                let mut rebuilt = ScriptedGuest::new(&self.code.script, Limits::default());
                let answer = rebuilt.answer(task, &history);
                if let Some((guest, before)) = parked {
                    self.seen.note("a parked guest and a rebuilt one, side by side");
                    compare(&before, &answer);
                    assert_eq!(guest.run().published(), rebuilt.run().published());
                } else if task.previous_started_event_id > 0 {
                    self.seen.note("a guest is rebuilt");
                }
                (answer, rebuilt)
            }
        };
        if let Answer::Completed(_) = &answer {
            self.process.worker.parked = Some(guest);
        } else {
            self.seen.note("a guest traps");
        }
        open.answer = Some(answer);
        self.process.worker.open = Some(open);
    }

    /// The worker's answer arrives.
    pub fn deliver_answer(&mut self) {
        let open = self.process.worker.open.take().expect("a task is open");
        let answer = open.answer.expect("it is answered");
        if self.random.once_in(6) {
            self.late_answers.push(answer.clone());
        }
        if !self.answer(answer) {
            // What the worker holds of the run is void.
            self.process.worker.parked = None;
        }
    }

    /// An answer comes that was given before, or that nobody waits for.
    pub fn deliver_late_answer(&mut self) {
        let at = self.random.index(self.late_answers.len());
        let answer = self.late_answers.swap_remove(at);
        if let Answer::Completed(completed) = &answer {
            let known = self.decisions.iter().any(|it| it.token == completed.token);
            let accepted = self.answer(answer);
            assert!(!(known && accepted), "one answer was accepted twice");
            self.seen.note(match accepted {
                true => "an answer of a dropped worker is accepted",
                false => "a stale workflow task answer is refused",
            });
        }
    }

    /// Whether it is accepted.
    fn answer(&mut self, answer: Answer) -> bool {
        match answer {
            Answer::Failed(failed) if failed.token.attempt >= 2 => {
                if let Some(live) = &mut self.process.live {
                    live.task_given_up = true;
                }
                false
            }
            Answer::Failed(failed) => {
                let request = Request::FailWorkflowTask(Box::new(failed));
                self.ask(request).is_some_and(|told| told.reply.is_ok())
            }
            Answer::Completed(completed) => {
                let (token, commands) = (completed.token.clone(), completed.commands.clone());
                let request = Request::CompleteWorkflowTask(Box::new(completed));
                let Some(told) = self.ask(request) else { return false };
                if let Ok(Reply::Done) = told.reply {
                    self.decisions.push(Decided { ticket: told.ticket, token, commands });
                }
                self.note_refusal(&told);
                told.reply.is_ok()
            }
        }
    }

    fn note_refusal(&mut self, told: &crate::host::Told) {
        use sandglass_core::engine::RequestError as E;
        match &told.reply {
            Err(E::UnhandledCommand) => self.seen.note("UnhandledCommand"),
            Err(E::WorkflowTaskNotFound | E::Closed) | Ok(_) => {}
            Err(other) => panic!("a guest's commands are refused: {other}"),
        }
    }

    /// The history, with what is ahead of the disk.
    pub fn events(&self) -> Vec<Arc<HistoryEvent>> {
        events(&self.log)
    }
}

/// The events of a log.
pub fn events(log: &[Entry]) -> Vec<Arc<HistoryEvent>> {
    log.iter()
        .filter_map(|entry| match entry {
            Entry::Event(event) => Some(Arc::clone(event)),
            Entry::Change(_) => None,
        })
        .collect()
}

/// Whether a guest that is parked can go on with this task.
fn fits(guest: &ScriptedGuest, task: &WorkflowTask) -> bool {
    let run = guest.run();
    run.last_started_event_id() == task.previous_started_event_id
        && task.history_first_event_id() <= run.last_event_id() + 1
}

fn compare(parked: &Answer, rebuilt: &Answer) {
    match (parked, rebuilt) {
        (Answer::Completed(parked), Answer::Completed(rebuilt)) => {
            assert_eq!(parked.commands, rebuilt.commands, "parked and rebuilt");
        }
        (Answer::Failed(parked), Answer::Failed(rebuilt)) => {
            assert_eq!(parked.cause, rebuilt.cause, "parked and rebuilt");
            assert_eq!(parked.failure, rebuilt.failure, "parked and rebuilt");
        }
        (parked, rebuilt) => panic!("parked: {parked:?}\nrebuilt: {rebuilt:?}"),
    }
}

fn check_task(task: &WorkflowTask) {
    for pair in task.history.windows(2) {
        assert_eq!(pair[0].event_id + 1, pair[1].event_id, "a gap in the task's history");
    }
    let last = task.history.last().expect("the start of the task");
    assert_eq!(last.event_id, task.started_event_id);
    assert!(matches!(last.attributes, Attributes::WorkflowTaskStarted(_)));
    assert!(task.history_first_event_id() > task.previous_started_event_id);
}
