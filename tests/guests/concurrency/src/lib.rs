//! Three things at once: two activities in a row, a sleep and an activity, and a signal. Cleans up when asked to stop.

#[path = "../../../../guest-examples/patterns/rust/executor.rs"]
mod executor;

use executor::{all, block_on, execute, receive, sleep};
use sandglass::workflow::activities::ActivityOptions;

bindings::workflow!();

struct Concurrency;

impl Guest for Concurrency {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        block_on(main(&input))
    }
}
export!(Concurrency);

async fn main(input: &[Payload]) -> Result<Payload, Failure> {
    match all(vec![Box::pin(greet(input)), Box::pin(charge(input)), Box::pin(approval())]).await {
        Ok(all) => Ok(encode(&all)),
        Err(failure) => {
            execute("cleanup", &[], &options()).await?;
            Err(failure)
        }
    }
}

async fn greet(input: &[Payload]) -> Result<String, Failure> {
    let greeting = execute("greet", input, &options()).await?;
    decode(&[execute("greet_politely", &[greeting], &options()).await?])
}

async fn charge(input: &[Payload]) -> Result<String, Failure> {
    sleep(3.0).await?;
    decode(&[execute("charge", input, &options()).await?])
}

async fn approval() -> Result<String, Failure> {
    decode(&receive("go").await?.input)
}

fn options() -> ActivityOptions {
    ActivityOptions { start_to_close_timeout: Some(10.0), ..Default::default() }
}
