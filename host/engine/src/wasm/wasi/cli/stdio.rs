//! `wasi:cli/stdin`, `stdout`, `stderr`.

use crate::wasm::log::Stream;
use crate::wasm::wasi::Outside;
use crate::wasm::wasi::io::streams;
use wasmtime::component::Linker;

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker
        .instance("wasi:cli/stdin@0.2.12")?
        .func_wrap("get-stdin", |_, (): ()| Ok((streams::stdin(),)))?;
    linker
        .instance("wasi:cli/stdout@0.2.12")?
        .func_wrap("get-stdout", |_, (): ()| Ok((streams::output(Stream::Stdout),)))?;
    linker
        .instance("wasi:cli/stderr@0.2.12")?
        .func_wrap("get-stderr", |_, (): ()| Ok((streams::output(Stream::Stderr),)))
}
