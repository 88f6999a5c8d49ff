//! `select`: waiting for the first of several things.

use crate::wasm::bindings::workflow::sandglass::workflow::select::Host;
use crate::wasm::bindings::workflow::sandglass::workflow::types::Failure;
use crate::wasm::convert::shown_failure;
use crate::wasm::guest::Guest;

impl Host for Guest {
    async fn wait_any(&mut self, operations: Vec<u32>) -> wasmtime::Result<Result<u32, Failure>> {
        Ok(self.ask(|run| run.wait_any(&operations)).await?.map_err(shown_failure))
    }

    async fn race(&mut self, operations: Vec<u32>) -> wasmtime::Result<Result<u32, Failure>> {
        Ok(self.ask(|run| run.race(&operations)).await?.map_err(shown_failure))
    }

    fn ready(&mut self, operations: Vec<u32>) -> wasmtime::Result<Vec<u32>> {
        Ok(self.run().ready(&operations)?)
    }

    async fn settle(&mut self, operations: Vec<u32>) -> wasmtime::Result<()> {
        self.ask(|run| run.settle(&operations)).await
    }
}
