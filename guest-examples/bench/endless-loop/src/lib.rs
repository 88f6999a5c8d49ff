//! Never gives way. Its workflow task fails each time it is tried; only a terminate ends the run.

use std::hint;

bindings::workflow!();

struct EndlessLoop;

impl Guest for EndlessLoop {
    fn run(_: Vec<Payload>) -> Result<Payload, Failure> {
        loop {
            hint::spin_loop();
        }
    }
}
export!(EndlessLoop);
