//! `wasi:cli/exit`: the guest ends itself, which is a trap: a run ends by returning.

use crate::wasm::wasi::Outside;
use wasmtime::component::Linker;

/// The guest ended itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::wasm) enum Exited {
    /// With a status that came through.
    #[error("the guest ended its process with status {0} instead of returning from run")]
    Status(u8),
    /// With another status than 0: the interface takes no number, so nobody knows which.
    #[error(
        "the guest ended its process, with a status that is not 0, instead of returning from run"
    )]
    Failed,
}

impl From<Result<(), ()>> for Exited {
    fn from(status: Result<(), ()>) -> Exited {
        match status {
            Ok(()) => Exited::Status(0),
            Err(()) => Exited::Failed,
        }
    }
}

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("wasi:cli/exit@0.2.12")?;
    interface.func_wrap("exit", |_, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
        Err(Exited::from(status).into())
    })?;
    interface.func_wrap("exit-with-code", |_, (status,): (u8,)| -> wasmtime::Result<()> {
        Err(Exited::Status(status).into())
    })
}
