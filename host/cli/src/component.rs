//! `sandglass component`: what concerns components and no run. One file a subcommand.

mod bindings;
mod inspect;
mod new;

pub(crate) use bindings::write as write_bindings;

use crate::exit::Exit;
use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Component {
    Bindings(bindings::Bindings),
    New(new::New),
    Inspect(inspect::Inspect),
    Compile(inspect::Compile),
}

impl Component {
    pub(crate) fn run(self) -> Result<Exit> {
        match self {
            Component::Bindings(bindings) => bindings.run(),
            Component::New(new) => new.run(),
            Component::Inspect(inspect) => inspect.run(),
            Component::Compile(compile) => compile.run(),
        }
    }
}
