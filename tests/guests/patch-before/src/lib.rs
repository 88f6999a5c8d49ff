//! The example `patch` as it was before its change.

use sandglass::workflow::activities::{self, ActivityOptions};

bindings::workflow!();

struct Before;

impl Guest for Before {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let options = ActivityOptions { start_to_close_timeout: Some(10.0), ..Default::default() };
        activities::execute("greet", &input, &options)
    }
}
export!(Before);
