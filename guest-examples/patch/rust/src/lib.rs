//! A change of code that leaves the runs before it as they were: they go on to call `greet`.

use sandglass::workflow::activities::{self, ActivityOptions};
use sandglass::workflow::execution;

bindings::workflow!();

struct Patch;

impl Guest for Patch {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let options = ActivityOptions { start_to_close_timeout: Some(10.0), ..Default::default() };
        // Once no run from before is open: `deprecate_patch`, and only the new side stays.
        let activity = if execution::patched("politeness") { "greet_politely" } else { "greet" };
        activities::execute(activity, &input, &options)
    }
}
export!(Patch);
