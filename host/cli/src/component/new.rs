//! `sandglass component new`: a component of a core module, for the compilers that stop there.

use crate::code::read;
use crate::exit::{Exit, usage};
use crate::wit::{self, World};
use anyhow::{Context, Result, anyhow};
use clap::Args;
use std::collections::BTreeSet;
use std::path::PathBuf;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as WASI_PREVIEW_1,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// Makes a component of a core module
///
/// Compilers that know WASI 0.1 only make core modules. This adds the interfaces, where the module
/// does not bring them along, and what turns WASI 0.1 into 0.2.
#[derive(Args)]
pub(crate) struct New {
    /// The core module
    core: PathBuf,
    /// The component's file
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// What it is, if the module does not say so itself; without, it is what its imports tell
    #[arg(long)]
    world: Option<World>,
}

impl New {
    pub(crate) fn run(self) -> Result<Exit> {
        let core = read(&self.core)?;
        let component = component(core, self.world)
            .map_err(|error| usage(format!("{}: {error:#}", self.core.display())))?;
        std::fs::write(&self.output, component)
            .with_context(|| format!("the file {} cannot be written", self.output.display()))?;
        Ok(Exit::Completed)
    }
}

fn component(mut core: Vec<u8>, world: Option<World>) -> Result<Vec<u8>> {
    if Parser::is_component(&core) {
        return Err(anyhow!("it is a component already"));
    }
    if !Parser::is_core_wasm(&core) {
        return Err(anyhow!("it is not WebAssembly: give the core module that a compiler made"));
    }
    let module = Module::read(&core).context("it is no valid core module")?;
    if !module.has_wit {
        let (resolve, id) = wit::resolve(world.unwrap_or(module.world()))?;
        embed_component_metadata(&mut core, &resolve, id, StringEncoding::UTF8)?;
    } else if world.is_some() {
        return Err(anyhow!("it says itself which world it is of: leave --world out"));
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true);
    if module.imports.contains(WASI_PREVIEW_1) {
        encoder.adapter(WASI_PREVIEW_1, ADAPTER)?;
    }
    encoder.module(&core)?.encode()
}

/// What there is to know of a core module.
#[derive(Default)]
struct Module {
    /// The modules that it imports from.
    imports: BTreeSet<String>,
    /// Whether it has the interfaces of its world in it, as generated bindings of some languages do.
    has_wit: bool,
}

impl Module {
    fn read(core: &[u8]) -> Result<Module> {
        let mut module = Module::default();
        for payload in Parser::new(0).parse_all(core) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        module.imports.insert(import?.module.to_owned());
                    }
                }
                Payload::CustomSection(section) => {
                    module.has_wit |= section.name().starts_with("component-type");
                }
                _ => {}
            }
        }
        Ok(module)
    }

    fn world(&self) -> World {
        let imports = |package: &str| self.imports.iter().any(|name| name.starts_with(package));
        match () {
            () if imports("wasi:") => World::ActivityWithWasi,
            () if imports("sandglass:activity/") => World::Activity,
            () => World::Workflow,
        }
    }
}
