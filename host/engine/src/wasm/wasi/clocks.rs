//! `wasi:clocks`: in a workflow both clocks stand at the start of its workflow task (D7).

mod monotonic;
mod wall;

use super::Outside;
use wasmtime::component::Linker;

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    monotonic::add_to_linker(linker)?;
    wall::add_to_linker(linker)
}
