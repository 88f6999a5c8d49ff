//! `wasi:cli/environment`: no variables, no arguments, no folder.

use crate::wasm::wasi::Outside;
use wasmtime::component::Linker;

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("wasi:cli/environment@0.2.12")?;
    interface.func_wrap("get-environment", |_, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
    interface.func_wrap("get-arguments", |_, (): ()| Ok((Vec::<String>::new(),)))?;
    interface.func_wrap("initial-cwd", |_, (): ()| Ok((None::<String>,)))
}
