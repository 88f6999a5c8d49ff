//! `wasi:cli/terminal-*`: there is no terminal.

use crate::wasm::wasi::Outside;
use wasmtime::component::{Linker, Resource, ResourceType};

/// The resource `terminal-input`.
struct TerminalInput;

/// The resource `terminal-output`.
struct TerminalOutput;

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.instance("wasi:cli/terminal-input@0.2.12")?.resource(
        "terminal-input",
        ResourceType::host::<TerminalInput>(),
        |_, _| Ok(()),
    )?;
    linker.instance("wasi:cli/terminal-output@0.2.12")?.resource(
        "terminal-output",
        ResourceType::host::<TerminalOutput>(),
        |_, _| Ok(()),
    )?;
    linker
        .instance("wasi:cli/terminal-stdin@0.2.12")?
        .func_wrap("get-terminal-stdin", |_, (): ()| Ok((None::<Resource<TerminalInput>>,)))?;
    linker
        .instance("wasi:cli/terminal-stdout@0.2.12")?
        .func_wrap("get-terminal-stdout", |_, (): ()| Ok((None::<Resource<TerminalOutput>>,)))?;
    linker
        .instance("wasi:cli/terminal-stderr@0.2.12")?
        .func_wrap("get-terminal-stderr", |_, (): ()| Ok((None::<Resource<TerminalOutput>>,)))
}
