//! The same workflow after a change that it did not declare: what was `charge` is `charge_twice`.

use sandglass::workflow::activities::{self, ActivityOptions};
use sandglass::workflow::timers;

bindings::workflow!();

struct After;

impl Guest for After {
    fn run(_: Vec<Payload>) -> Result<Payload, Failure> {
        let options = ActivityOptions { start_to_close_timeout: Some(60.0), ..Default::default() };
        activities::execute("charge_twice", &[], &options)?;
        timers::sleep(1.0)?;
        Ok(encode(&"after"))
    }
}
export!(After);
