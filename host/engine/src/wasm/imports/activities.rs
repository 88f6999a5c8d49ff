//! `activities`: work that touches the world outside.

use crate::wasm::bindings::workflow::sandglass::workflow::activities::{ActivityOptions, Host};
use crate::wasm::bindings::workflow::sandglass::workflow::types::{Failure, Payload};
use crate::wasm::convert::{activity_options, shown_failure, shown_payload};
use crate::wasm::guest::Guest;

impl Host for Guest {
    async fn execute(
        &mut self,
        activity_type: String,
        input: Vec<Payload>,
        options: ActivityOptions,
    ) -> wasmtime::Result<Result<Payload, Failure>> {
        let activity = Host::start(self, activity_type, input, options)?;
        self.outcome(activity).await
    }

    fn start(
        &mut self,
        activity_type: String,
        input: Vec<Payload>,
        options: ActivityOptions,
    ) -> wasmtime::Result<u32> {
        let options = activity_options(activity_type, input, options)?;
        Ok(self.run().start_activity(options)?)
    }

    async fn outcome(&mut self, activity: u32) -> wasmtime::Result<Result<Payload, Failure>> {
        let outcome = self.ask(|run| run.wait_activity(activity)).await?;
        Ok(outcome.map(|result| shown_payload(&result)).map_err(shown_failure))
    }

    fn cancel(&mut self, activity: u32) -> wasmtime::Result<()> {
        Ok(self.run().cancel_activity(activity)?)
    }
}
