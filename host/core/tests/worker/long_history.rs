//! A run of many activities, one after the other: what was taken is forgotten. The benchmark `replay` measures how fast it is matched.

use crate::scripted::{Script, ScriptedGuest, activity};
use sandglass_core::event::{HistoryEvent, activity as activities, workflow, workflow_task};
use sandglass_core::payload::{Payload, Payloads};
use sandglass_core::time::Timestamp;
use sandglass_core::worker::Limits;
use std::sync::Arc;

/// A run of activities, one after the other.
pub fn history(activities: i64) -> Vec<Arc<HistoryEvent>> {
    let mut events: Vec<Arc<HistoryEvent>> = Vec::new();
    let mut add = |attributes: sandglass_core::Attributes| {
        let event_id = events.len() as i64 + 1;
        events.push(Arc::new(HistoryEvent::new(event_id, Timestamp(event_id), attributes)));
        event_id
    };
    add(workflow::Started::default().into());
    for number in 1..=activities {
        let scheduled_event_id = add(workflow_task::Scheduled::default().into());
        let started_event_id = add(workflow_task::Started::default().into());
        let completed = workflow_task::Completed {
            scheduled_event_id,
            started_event_id,
            ..workflow_task::Completed::default()
        };
        let workflow_task_completed_event_id = add(completed.into());
        let scheduled_event_id = add(activities::Scheduled {
            activity_id: number.to_string(),
            activity_type: Some("work".into()),
            workflow_task_completed_event_id,
            ..activities::Scheduled::default()
        }
        .into());
        add(activities::Started { scheduled_event_id, ..activities::Started::default() }.into());
        add(activities::Completed {
            scheduled_event_id,
            result: Payloads::some(vec![Payload::json("1")]),
            ..activities::Completed::default()
        }
        .into());
    }
    events
}

pub fn replay(events: &[Arc<HistoryEvent>]) -> ScriptedGuest {
    let script = Script::new(|it| async move {
        loop {
            if it.execute(activity("work")).await.is_err() {
                return Ok(Payload::nil());
            }
        }
    });
    let mut guest = ScriptedGuest::new(&script, Limits::default());
    guest.work(events).expect("replayed");
    guest
}

#[test]
fn what_was_taken_is_forgotten() {
    let guest = replay(&history(5_000));
    assert_eq!(guest.run().operations_open(), 1);
}
