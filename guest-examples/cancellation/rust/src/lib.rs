//! What a workflow can make of a cancel request. Its input says which; none is `cleanup`.

use sandglass::workflow::activities::{self, ActivityOptions};
use sandglass::workflow::{cancellation, failures, timers};
use serde::Deserialize;

bindings::workflow!();

const AN_HOUR: f64 = 3600.0;

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Behaviour {
    /// Cleans up, then ends as canceled.
    #[default]
    Cleanup,
    /// Ends as canceled at once.
    Nothing,
    /// Goes on as if nothing had happened, and completes.
    Swallow,
    /// Ends as failed.
    Fail,
    /// Finishes what must not be cut short, then ends as canceled.
    Shield,
}

struct Cancellation;

impl Guest for Cancellation {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        match decode::<Option<Behaviour>>(&input)?.unwrap_or_default() {
            Behaviour::Cleanup => timers::sleep(AN_HOUR).or_else(|canceled| {
                // The request has interrupted the sleep; it does not interrupt what follows.
                activity("cleanup").and(Err(canceled))
            })?,
            Behaviour::Nothing => timers::sleep(AN_HOUR)?,
            Behaviour::Swallow => return Ok(encode(&ended(timers::sleep(AN_HOUR)))),
            Behaviour::Fail => timers::sleep(AN_HOUR)
                .map_err(|_| failures::application("the cleanup failed", "CleanupFailed", false))?,
            Behaviour::Shield => {
                cancellation::shield();
                let charged = activity("charge");
                cancellation::unshield();
                charged?;
                // A request that came during the charge interrupts this sleep.
                timers::sleep(AN_HOUR)?;
            }
        }
        Ok(encode(&"not canceled"))
    }
}
export!(Cancellation);

fn ended(slept: Result<(), Failure>) -> &'static str {
    if slept.is_ok() { "not canceled" } else { "swallowed" }
}

fn activity(activity_type: &str) -> Result<Payload, Failure> {
    let options = ActivityOptions { start_to_close_timeout: Some(10.0), ..Default::default() };
    activities::execute(activity_type, &[], &options)
}
