//! `wasi:filesystem/preopens`: there are no folders. `wasi:filesystem/types` is denied (`denied`).

use super::Outside;
use wasmtime::component::{Linker, Resource, ResourceType};

/// The resource `descriptor`.
pub(super) struct Descriptor;

/// The resource `directory-entry-stream`.
pub(super) struct DirectoryEntryStream;

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut types = linker.instance("wasi:filesystem/types@0.2.12")?;
    types.resource("descriptor", ResourceType::host::<Descriptor>(), |_, _| Ok(()))?;
    types.resource(
        "directory-entry-stream",
        ResourceType::host::<DirectoryEntryStream>(),
        |_, _| Ok(()),
    )?;
    linker.instance("wasi:filesystem/preopens@0.2.12")?.func_wrap("get-directories", |_, (): ()| {
        Ok((Vec::<(Resource<Descriptor>, String)>::new(),))
    })
}
