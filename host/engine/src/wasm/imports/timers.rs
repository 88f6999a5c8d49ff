//! `timers`: durable timers.

use crate::wasm::bindings::workflow::sandglass::workflow::timers::Host;
use crate::wasm::bindings::workflow::sandglass::workflow::types::Failure;
use crate::wasm::convert::{duration, shown_failure};
use crate::wasm::guest::Guest;
use sandglass_core::worker::TimerKind;

impl Host for Guest {
    async fn sleep(&mut self, d: f64) -> wasmtime::Result<Result<(), Failure>> {
        let timer = self.start(d)?;
        self.wait(timer).await
    }

    fn start(&mut self, d: f64) -> wasmtime::Result<u32> {
        let duration = duration(d, "a timer's duration")?;
        Ok(self.run().start_timer(duration, TimerKind::Durable, None)?)
    }

    async fn wait(&mut self, timer: u32) -> wasmtime::Result<Result<(), Failure>> {
        let fired = self.ask(|run| run.wait_timer(timer)).await?;
        Ok(fired.map_err(shown_failure))
    }

    fn cancel(&mut self, timer: u32) -> wasmtime::Result<()> {
        Ok(self.run().cancel_timer(timer)?)
    }
}
