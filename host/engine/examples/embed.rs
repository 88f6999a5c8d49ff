//! A program that embeds the host: one workflow component, one activity in Rust.
//!
//! `cargo run -p sandglass-host --example embed -- path/to/greeting.wasm`

use sandglass_host::{ActivityContext, ActivityError, Host, StartWorkflow, function};
use std::time::Duration;

async fn compose(context: ActivityContext, name: String) -> Result<String, ActivityError> {
    for step in 0..10 {
        // Without heartbeats an activity never learns that it is to stop.
        if context.heartbeat(&step).is_some() {
            return Err(ActivityError::canceled());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(format!("Hello, {name}!"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let component = std::env::args().nth(1).ok_or("usage: embed COMPONENT")?;
    let host = Host::builder()
        .sqlite("sandglass.db")
        .component_file("greeting", component)
        .activity("cancellable_activity", function(compose))
        .start()
        .await?;
    let start = StartWorkflow::new("greeting", "greeting-1").input("World");
    let handle = host.client().start(start).await?;
    println!("started {}", handle.workflow_id());
    let greeting: serde_json::Value = handle.result().await?;
    println!("{greeting}");
    host.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
