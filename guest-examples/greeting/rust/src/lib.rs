//! Composes a greeting, and cleans up when asked to stop.

use sandglass::workflow::activities::{self, ActivityOptions};
use sandglass::workflow::{cancellation, timers};

bindings::workflow!();

struct Greeting;

impl Guest for Greeting {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let options = ActivityOptions {
            start_to_close_timeout: Some(300.0),
            heartbeat_timeout: Some(30.0),
            ..Default::default()
        };
        let greeting = activities::start("cancellable_activity", &input, &options);
        let slept = timers::sleep(3.0);
        activities::cancel(greeting);
        slept.and_then(|()| activities::outcome(greeting)).or_else(|failure| {
            // Whoever cancels the workflow meanwhile does not cut the cleanup short.
            cancellation::shield();
            let cleaned = activities::execute("cleanup", &[], &options);
            cancellation::unshield();
            cleaned.and(Err(failure))
        })
    }
}
export!(Greeting);
