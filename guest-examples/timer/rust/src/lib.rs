//! Sleeps, and cancels a timer that is not needed any more. The host may stop and start meanwhile.

use sandglass::workflow::timers;

bindings::workflow!();

struct Timer;

impl Guest for Timer {
    /// Sleeps for as many seconds as its input says, or for one.
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let seconds = decode::<Option<f64>>(&input)?.unwrap_or(1.0);
        let deadline = timers::start(3600.0);
        timers::sleep(seconds)?;
        timers::cancel(deadline);
        Ok(encode(&format!("slept for {seconds} s")))
    }
}
export!(Timer);
