//! `wasi:io/error`: no stream ever fails, so there is none.

use crate::wasm::wasi::Outside;
use wasmtime::component::{Linker, Resource, ResourceType};

/// The resource `error`.
pub(in crate::wasm::wasi) struct IoError;

pub(in crate::wasm::wasi) fn add_to_linker<T: Outside>(
    linker: &mut Linker<T>,
) -> wasmtime::Result<()> {
    let mut interface = linker.instance("wasi:io/error@0.2.12")?;
    interface.resource("error", ResourceType::host::<IoError>(), |_, _| Ok(()))?;
    interface.func_wrap("[method]error.to-debug-string", |_, (_,): (Resource<IoError>,)| {
        Ok((String::from("an error"),))
    })
}
