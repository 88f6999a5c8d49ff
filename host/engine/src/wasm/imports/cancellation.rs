//! `cancellation`: whether the run was asked to stop, and putting that off (D5).

use crate::wasm::bindings::workflow::sandglass::workflow::cancellation::{CancelRequest, Host};
use crate::wasm::guest::Guest;

impl Host for Guest {
    fn requested(&mut self) -> wasmtime::Result<Option<CancelRequest>> {
        Ok(self.run().cancel_requested().map(|request| CancelRequest {
            reason: request.reason.clone(),
            identity: request.identity.clone(),
        }))
    }

    fn on_request(&mut self) -> wasmtime::Result<u32> {
        Ok(self.run().on_cancel_request()?)
    }

    fn shield(&mut self) -> wasmtime::Result<()> {
        self.run().shield();
        Ok(())
    }

    fn unshield(&mut self) -> wasmtime::Result<()> {
        Ok(self.run().unshield()?)
    }
}
