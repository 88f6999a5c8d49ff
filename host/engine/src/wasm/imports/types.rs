//! `types`: it has no functions.

use crate::wasm::bindings::workflow::sandglass::workflow::types::Host;
use crate::wasm::guest::Guest;

impl Host for Guest {}
