//! `signals`: messages to the run.

use crate::wasm::bindings::workflow::sandglass::workflow::signals::{Host, Signal};
use crate::wasm::bindings::workflow::sandglass::workflow::types::Failure;
use crate::wasm::convert::{shown_failure, shown_payloads};
use crate::wasm::guest::Guest;
use sandglass_core::worker;

impl Host for Guest {
    fn on_signal(&mut self, name: String) -> wasmtime::Result<u32> {
        Ok(self.run().on_signal(&name)?)
    }

    fn take(&mut self, name: String) -> wasmtime::Result<Option<Signal>> {
        Ok(self.run().take_signal(&name).map(shown))
    }

    async fn receive(&mut self, name: String) -> wasmtime::Result<Result<Signal, Failure>> {
        let signal = self.ask(|run| Ok(run.wait_signal(&name))).await?;
        Ok(signal.map(shown).map_err(shown_failure))
    }
}

fn shown(signal: worker::Signal) -> Signal {
    Signal { name: signal.name, input: shown_payloads(&signal.input), identity: signal.identity }
}
