//! Executes as many activities as its input says, some at a time, each in a task of its own, and counts the letters of what they end with.

#[path = "../../../../guest-examples/patterns/rust/executor.rs"]
mod executor;

use executor::{Boxed, all, block_on, execute};
use sandglass::workflow::activities::ActivityOptions;

bindings::workflow!();

const AT_ONCE: usize = 20;

struct ManyTasks;

impl Guest for ManyTasks {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        block_on(main(decode(&input)?))
    }
}
export!(ManyTasks);

async fn main(count: usize) -> Result<Payload, Failure> {
    let mut length = 0;
    for done in (0..count).step_by(AT_ONCE) {
        let task = |number| Box::pin(letters(number)) as Boxed<'_, usize>;
        length += all((done..done + AT_ONCE).map(task).collect()).await?.iter().sum::<usize>();
    }
    Ok(encode(&length))
}

async fn letters(number: usize) -> Result<usize, Failure> {
    let options = ActivityOptions { start_to_close_timeout: Some(10.0), ..Default::default() };
    match execute("step", &[encode(&number)], &options).await {
        Ok(result) => Ok(decode::<String>(&[result])?.len()),
        Err(failure) => Ok(failure.causes[0].message.len()),
    }
}
