//! Guests and histories at random. A guest that does whatever a random program says is fed whatever
//! may happen to it: it has to answer the same on every replay, and never to ask for what a server
//! refuses. Fed what may not happen, it has to fail, not to panic.

use crate::scripted::{Imports, Outcome, Script, ScriptedGuest, activity};
use crate::story::{Story, says};
use sandglass_core::event::{
    Attributes, HistoryEvent, activity as activities, signal, timer, workflow, workflow_task,
};
use sandglass_core::time::Timestamp;
use sandglass_core::worker::{ActivityOptions, CancellationType, Limits, Operation};
use std::sync::Arc;

/// Numbers at random (SplitMix64), the same for a seed everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let index = self.below(all.len().max(1) as u64);
        all.get(index as usize)
    }
}

fn any_work(random: &mut Random) -> ActivityOptions {
    let cancellation_type = match random.below(3) {
        0 => CancellationType::TryCancel,
        1 => CancellationType::WaitCancellationCompleted,
        _ => CancellationType::Abandon,
    };
    ActivityOptions { cancellation_type, ..activity("work") }
}

/// Does forty things at random with what it has, and holds on whatever interrupts it.
async fn at_random(it: Imports, seed: u64) -> Outcome {
    let mut random = Random(seed);
    let (mut timers, mut works): (Vec<Operation>, Vec<Operation>) = (Vec::new(), Vec::new());
    let (go, request) = (it.on_signal("go"), it.on_cancel_request());
    let mut shields = 0;
    let mut said = String::new();
    for _ in 0..40 {
        let all: Vec<Operation> = timers.iter().chain(&works).copied().collect();
        match random.below(14) {
            0 => timers.push(it.start_timer(random.below(9))),
            1 | 2 => works.push(it.start_activity(any_work(&mut random))),
            3 if !timers.is_empty() => {
                let timer = timers.swap_remove(random.below(timers.len() as u64) as usize);
                said += if it.wait_timer(timer).await.is_ok() { "t" } else { "T" };
            }
            4 if !works.is_empty() => {
                let work = works.swap_remove(random.below(works.len() as u64) as usize);
                said += if it.outcome(work).await.is_ok() { "a" } else { "A" };
            }
            5 => {
                if let Some(timer) = random.one_of(&timers) {
                    it.cancel_timer(*timer);
                }
            }
            6 => {
                if let Some(work) = random.one_of(&works) {
                    it.cancel_activity(*work);
                }
            }
            7 => said += if it.receive("go").await.is_ok() { "s" } else { "S" },
            8 => {
                let mut all = all;
                all.extend([go, request]);
                said += &it.wait_any(&all).await.map_or("W".into(), |first| first.to_string());
            }
            9 if !all.is_empty() => {
                said += &it.race(&all).await.map_or("R".into(), |first| first.to_string());
                said += &format!("{:?}", it.ready(&all));
            }
            10 if random.below(3) == 0 => {
                it.settle(&all).await;
                (timers, works) = (Vec::new(), Vec::new());
            }
            11 if shields == 0 => {
                it.shield();
                shields += 1;
            }
            12 if shields > 0 => {
                it.unshield();
                shields -= 1;
            }
            13 => {
                let id = random.below(3).to_string();
                match random.below(3) {
                    0 => it.deprecate_patch(&id),
                    _ => said += if it.patched(&id) { "p" } else { "P" },
                }
            }
            _ => {
                it.take_signal("go");
                it.wasi_sleep(1).await;
            }
        }
    }
    says(said)
}

fn something_happens(story: &mut Story, random: &mut Random) {
    let (activities, timers) = (story.open_activities(), story.open_timers());
    match random.below(10) {
        0 => story.signal("go"),
        1 if random.below(4) == 0 => story.cancel(),
        2 => story.fail_task(),
        3..6 => match random.one_of(&timers) {
            Some(timer) => story.fire(timer),
            None => story,
        },
        kind => match random.one_of(&activities) {
            None => story,
            Some(work) if kind == 6 => story.fail(work),
            Some(work) if kind == 7 => story.canceled(work),
            Some(work) if kind == 8 => story.time_out(work),
            Some(work) => story.complete(work),
        },
    };
}

#[test]
fn what_may_happen_replays_alike() {
    for seed in 0..400 {
        println!("seed {seed}");
        let mut story = Story::new(Script::new(move |it| at_random(it, seed)));
        let mut random = Random(seed ^ 0xfeed);
        let mut tasks = 0;
        while !story.run().is_over() && tasks < 200 {
            for _ in 0..random.below(4) {
                something_happens(&mut story, &mut random);
            }
            if random.below(5) == 0 {
                let script = story.script.clone();
                story.change(script);
            }
            story.task();
            tasks += 1;
        }
        assert!(story.run().is_over(), "{}", story.log);
        let mut anew = ScriptedGuest::new(&story.script, Limits::default());
        assert_eq!(anew.work(&story.events), Ok(None));
        assert!(anew.run().is_over());
    }
}

/// Any event, about anything.
fn anything(random: &mut Random, near: i64) -> Attributes {
    let id = near - random.below(12) as i64;
    let name = random.below(4).to_string();
    match random.below(16) {
        0 => activities::Scheduled {
            activity_id: name,
            workflow_task_completed_event_id: id,
            ..Default::default()
        }
        .into(),
        1 => activities::Started { scheduled_event_id: id, ..Default::default() }.into(),
        2 => activities::Completed { scheduled_event_id: id, ..Default::default() }.into(),
        3 => activities::Failed { scheduled_event_id: id, ..Default::default() }.into(),
        4 => activities::Canceled { scheduled_event_id: id, ..Default::default() }.into(),
        5 => timer::Started {
            timer_id: name,
            workflow_task_completed_event_id: id,
            ..Default::default()
        }
        .into(),
        6 => timer::Fired { started_event_id: id, ..Default::default() }.into(),
        7 => timer::Canceled {
            timer_id: name,
            started_event_id: id,
            workflow_task_completed_event_id: id,
            ..Default::default()
        }
        .into(),
        8 => workflow_task::Scheduled::default().into(),
        9 | 10 => workflow_task::Started::default().into(),
        11 => workflow_task::Completed { started_event_id: id, ..Default::default() }.into(),
        12 => workflow_task::Failed::default().into(),
        13 => workflow::CancelRequested::default().into(),
        14 => workflow::Completed { workflow_task_completed_event_id: id, ..Default::default() }
            .into(),
        _ => signal::Signaled { signal_name: "go".into(), ..Default::default() }.into(),
    }
}

#[test]
fn what_may_not_happen_never_panics() {
    let mut failed = 0;
    for seed in 0..2_000 {
        println!("seed {seed}");
        let mut story = Story::new(Script::new(move |it| at_random(it, seed)));
        let mut random = Random(seed ^ 0xbad);
        for _ in 0..random.below(6) {
            something_happens(&mut story, &mut random);
            story.task();
            if story.run().is_over() {
                break;
            }
        }
        let mut events = story.events.clone();
        for _ in 0..random.below(20) {
            let event_id = events.len() as i64 + 1;
            let attributes = anything(&mut random, event_id);
            events.push(Arc::new(HistoryEvent::new(event_id, Timestamp(0), attributes)));
        }
        let mut guest = ScriptedGuest::new(&story.script, Limits::default());
        failed += u32::from(guest.work(&events).is_err());
    }
    assert!(failed > 100, "only {failed} of them failed");
}
