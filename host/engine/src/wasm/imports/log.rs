//! `log`: lines of the run's log, silent on replay.

use crate::wasm::bindings::workflow::sandglass::workflow::log::Host;
use crate::wasm::guest::Guest;
use crate::wasm::log::Level;

impl Host for Guest {
    fn debug(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.lock().log(Level::Debug, &message)?)
    }

    fn info(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.lock().log(Level::Info, &message)?)
    }

    fn warn(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.lock().log(Level::Warn, &message)?)
    }

    fn error(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.lock().log(Level::Error, &message)?)
    }
}
