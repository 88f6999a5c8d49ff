//! `wasi:cli`: an empty environment, the standard streams, no terminal, and the end of the process.

mod environment;
mod exit;
mod stdio;
mod terminal;

use super::Outside;
use wasmtime::component::Linker;

pub(in crate::wasm) use exit::Exited;

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    environment::add_to_linker(linker)?;
    exit::add_to_linker(linker)?;
    stdio::add_to_linker(linker)?;
    terminal::add_to_linker(linker)
}
