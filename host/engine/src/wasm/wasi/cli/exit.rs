//! `wasi:cli/exit`: the guest ends itself, which is a trap: a run ends by returning.

use crate::wasm::wasi::Outside;
use wasmtime::component::Linker;

/// The guest ended itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the guest ended its process with status {0} instead of returning from run")]
pub(in crate::wasm) struct Exited(pub(in crate::wasm) u8);

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("wasi:cli/exit@0.2.12")?;
    interface.func_wrap("exit", |_, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
        Err(Exited(u8::from(status.is_err())).into())
    })?;
    interface.func_wrap("exit-with-code", |_, (status,): (u8,)| -> wasmtime::Result<()> {
        Err(Exited(status).into())
    })
}
