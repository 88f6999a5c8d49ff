//! Executes as many activities as its input says, some at a time, and counts the letters of their results, or of why they failed.

use sandglass::workflow::activities::{self, ActivityOptions};

bindings::workflow!();

const AT_ONCE: usize = 200;

struct ManyActivities;

impl Guest for ManyActivities {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let count: usize = decode(&input)?;
        let options = ActivityOptions { start_to_close_timeout: Some(10.0), ..Default::default() };
        let mut length = 0;
        for done in (0..count).step_by(AT_ONCE) {
            let start = |number| activities::start("step", &[encode(&number)], &options);
            let running: Vec<_> = (done..done + AT_ONCE).map(start).collect();
            for activity in running {
                length += match activities::outcome(activity) {
                    Ok(result) => decode::<String>(&[result])?.len(),
                    Err(failure) => failure.causes[0].message.len(),
                };
            }
        }
        Ok(encode(&length))
    }
}
export!(ManyActivities);
