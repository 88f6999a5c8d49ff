//! A workflow as it was when its runs were started: the activity `charge`, then a timer.

use sandglass::workflow::activities::{self, ActivityOptions};
use sandglass::workflow::timers;

bindings::workflow!();

struct Before;

impl Guest for Before {
    fn run(_: Vec<Payload>) -> Result<Payload, Failure> {
        let options = ActivityOptions { start_to_close_timeout: Some(60.0), ..Default::default() };
        activities::execute("charge", &[], &options)?;
        timers::sleep(1.0)?;
        Ok(encode(&"before"))
    }
}
export!(Before);
