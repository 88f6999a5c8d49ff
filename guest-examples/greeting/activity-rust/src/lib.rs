//! The greeting's activities: one that works until it is told to stop, and one that cleans up.

use std::thread;
use std::time::Duration;

use sandglass::activity::attempt;
use sandglass::workflow::{failures, log};

bindings::activity!();

const STEPS: u32 = 1_000;
const STEP: Duration = Duration::from_millis(100);

struct Activities;

impl Guest for Activities {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        match attempt::info().activity_type.as_str() {
            "cancellable_activity" => cancellable(&input),
            "cleanup" => Ok(encode(&"cleaned up")),
            other => {
                Err(failures::application(&format!("no activity {other} here"), "NotFound", true))
            }
        }
    }
}
export!(Activities);

/// Works in steps. The heartbeat says how far it got, and hears whether to stop.
fn cancellable(input: &[Payload]) -> Result<Payload, Failure> {
    let name: Option<String> = decode(input)?;
    let done = decode::<Option<u32>>(&attempt::last_heartbeat_details())?.unwrap_or(0);
    for step in done..STEPS {
        if let Some(reason) = attempt::heartbeat(&[encode(&step)]) {
            log::info(&format!("stopping after {step} steps: {reason:?}"));
            return Err(failures::canceled(&[]));
        }
        thread::sleep(STEP);
    }
    Ok(encode(&format!("Hello, {}!", name.as_deref().unwrap_or("World"))))
}
