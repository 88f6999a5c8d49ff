//! Calls the activity `echo`, one after the other, as often as its input says, or ten times.

use sandglass::workflow::activities::{self, ActivityOptions};

bindings::workflow!();

struct TenActivities;

impl Guest for TenActivities {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let options = ActivityOptions { start_to_close_timeout: Some(60.0), ..Default::default() };
        let count = decode::<Option<u32>>(&input)?.unwrap_or(10);
        for number in 0..count {
            activities::execute("echo", &[encode(&number)], &options)?;
        }
        Ok(encode(&count))
    }
}
export!(TenActivities);
