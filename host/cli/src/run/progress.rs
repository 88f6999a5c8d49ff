//! What a run waits for, on stderr while it waits: in place on a terminal, else a line whenever it changes.

use crate::payload;
use crate::show;
use indicatif::{ProgressBar, ProgressStyle};
use sandglass_host::WorkflowDescription;
use sandglass_host::core::Timestamp;
use sandglass_host::core::engine::{PendingActivity, PendingActivityState, PendingWorkflowTask};
use sandglass_host::core::policy::WorkflowExecutionStatus;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often the run is looked at.
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Lines of one kind that are shown; the others are counted.
const LINES_MAX: usize = 5;

/// Where what the run waits for is shown.
pub(super) struct Progress {
    /// On a terminal.
    bar: Option<ProgressBar>,
    /// Elsewhere: what was said last.
    said: Vec<String>,
    /// The activity types that are done here; nobody else can do any.
    activity_types: Vec<String>,
}

impl Progress {
    pub(super) fn new(activity_types: Vec<String>) -> Progress {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::default_spinner());
            bar
        });
        Progress { bar, said: Vec::new(), activity_types }
    }

    /// Shows what the run waits for.
    pub(super) fn show(&mut self, run: &WorkflowDescription, interrupted: bool) {
        // Its end is about to be told.
        if run.status != WorkflowExecutionStatus::Running {
            return;
        }
        let lines = lines(run, interrupted, &self.activity_types);
        match &self.bar {
            Some(bar) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let now = Timestamp::default().after(now);
                let shown: Vec<String> = lines.iter().map(|line| line.counted_down(now)).collect();
                bar.set_message(shown.join("\n  "));
                bar.tick();
            }
            None => {
                let shown: Vec<String> = lines.iter().map(Line::at_its_time).collect();
                for line in shown.iter().filter(|line| !self.said.contains(line)) {
                    eprintln!("{line}");
                }
                self.said = shown;
            }
        }
    }

    /// Says something that stays.
    pub(super) fn say(&self, sentence: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{sentence}")),
            None => eprintln!("{sentence}"),
        }
    }

    /// Takes away what was shown in place.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Something that the run waits for, and until when, if that is known.
#[derive(Debug, PartialEq)]
struct Line {
    text: String,
    until: Option<Timestamp>,
}

impl Line {
    fn new(text: impl Into<String>) -> Line {
        Line { text: text.into(), until: None }
    }

    /// For a place where it is shown again and again.
    fn counted_down(&self, now: Timestamp) -> String {
        match self.until {
            Some(until) => {
                let left = Duration::from_secs(until.since(now).as_secs_f64().ceil() as u64);
                format!("{}, in {}", self.text, show::duration(left))
            }
            None => self.text.clone(),
        }
    }

    /// For a place where it stays.
    fn at_its_time(&self) -> String {
        match self.until {
            Some(until) => format!("{} at {}", self.text, show::time(until)),
            None => self.text.clone(),
        }
    }
}

/// What the run waits for.
fn lines(run: &WorkflowDescription, interrupted: bool, types: &[String]) -> Vec<Line> {
    let mut lines = Vec::new();
    let task = run.pending_workflow_task.as_ref();
    let failing = task.filter(|task| task.attempt > 1 && task.last_failure.is_some());
    match (run.cancel_requested, failing) {
        (true, Some(_)) => {
            let how = if interrupted { "Ctrl-C terminates it" } else { "only a terminate ends it" };
            lines.push(Line::new(format!(
                "cancel recorded, but the code is failing and may never see it: {how}"
            )));
        }
        (true, None) => lines.push(Line::new("cancel requested, waits for the code to stop")),
        (false, _) => {}
    }
    lines.extend(task.and_then(workflow_task));
    some(&mut lines, run.pending_activities.iter().map(|it| activity(it, types)), "activities");
    let mut timers = run.pending_timers.clone();
    timers.sort_by_key(|(_, fires)| *fires);
    let timer = |(id, fires): &(String, Timestamp)| Line {
        text: format!("timer {id} fires"),
        until: Some(*fires),
    };
    some(&mut lines, timers.iter().map(timer), "timers");
    if lines.is_empty() {
        lines.push(Line::new("waits for a signal or a cancel"));
    }
    lines
}

fn some(lines: &mut Vec<Line>, mut all: impl ExactSizeIterator<Item = Line>, what: &str) {
    let more = all.len().saturating_sub(LINES_MAX);
    lines.extend(all.by_ref().take(LINES_MAX));
    if more > 0 {
        lines.push(Line::new(format!("{more} more {what}")));
    }
}

fn workflow_task(task: &PendingWorkflowTask) -> Option<Line> {
    let failure = task.last_failure.as_ref().filter(|_| task.attempt > 1);
    match failure {
        Some(failure) => {
            let message = payload::shortened(&payload::failure(failure));
            Some(Line::new(format!(
                "workflow task, attempt {}: the last one failed: {message}",
                task.attempt
            )))
        }
        None if task.started => Some(Line::new("the workflow's code runs")),
        None => Some(Line::new("the workflow task waits for its turn")),
    }
}

fn activity(activity: &PendingActivity, types: &[String]) -> Line {
    if !types.contains(&activity.activity_type) {
        let name = &activity.activity_type;
        return Line::new(format!(
            "activity {name} is done by nobody: --activity {name}=COMPONENT"
        ));
    }
    let of = match activity.maximum_attempts {
        0 => String::new(),
        most => format!(" of {most}"),
    };
    let (state, until) = match (activity.state, activity.next_attempt_time) {
        (PendingActivityState::Scheduled, Some(next)) => ("waits for its next attempt", Some(next)),
        (PendingActivityState::Scheduled, None) => ("waits for a worker", None),
        (PendingActivityState::Started, _) => ("runs", None),
        (PendingActivityState::CancelRequested, _) => ("is asked to stop", None),
    };
    let last = activity.last_failure.as_ref().map_or(String::new(), |failure| {
        format!(" (the last one failed: {})", payload::shortened(&payload::failure(failure)))
    });
    let (name, id, attempt) = (&activity.activity_type, &activity.activity_id, activity.attempt);
    Line { text: format!("activity {name} ({id}), attempt {attempt}{of}{last} {state}"), until }
}
