//! `failures`: making failures, and telling them apart. The same in both worlds.

use crate::wasm::bindings::workflow::sandglass::workflow::failures::Host;
use crate::wasm::bindings::workflow::sandglass::workflow::types::{Failure, Payload};
use crate::wasm::convert;
use crate::wasm::guest::Guest;
use sandglass_core::worker::{ShownFailure, ShownInfo};

pub(in crate::wasm) fn application(
    message: String,
    error_type: String,
    non_retryable: bool,
) -> Failure {
    convert::shown_failure(ShownFailure::application(message, error_type, non_retryable))
}

pub(in crate::wasm) fn canceled(details: Vec<Payload>) -> Failure {
    convert::shown_failure(ShownFailure {
        message: "Cancelled".into(),
        stack_trace: String::new(),
        info: ShownInfo::Canceled(convert::payloads(details)),
        causes: Vec::new(),
    })
}

pub(in crate::wasm) fn is_canceled(failure: Failure) -> wasmtime::Result<bool> {
    Ok(convert::failure(failure)?.is_canceled())
}

impl Host for Guest {
    fn application(
        &mut self,
        message: String,
        error_type: String,
        non_retryable: bool,
    ) -> wasmtime::Result<Failure> {
        Ok(application(message, error_type, non_retryable))
    }

    fn canceled(&mut self, details: Vec<Payload>) -> wasmtime::Result<Failure> {
        Ok(canceled(details))
    }

    fn is_canceled(&mut self, failure: Failure) -> wasmtime::Result<bool> {
        is_canceled(failure)
    }
}
