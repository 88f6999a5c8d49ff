//! Opening what lies in a folder that is granted: files and folders, nothing else. Who opens a pipe waits for somebody at its other end, in a call
//! of the operating system that nobody can end, on a thread that the host has lost.

use super::ActivityGuest;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::WasiFilesystemView;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};

type Arguments = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

/// Puts a look at what there is before wasmtime's own `open-at`.
pub(super) fn add_to_linker(linker: &mut Linker<ActivityGuest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance("wasi:filesystem/types@0.2.12")?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, ActivityGuest>, arguments: Arguments| {
            Box::new(async move {
                Ok((match open_at(store.data_mut(), arguments).await {
                    Ok(opened) => Ok(opened),
                    Err(error) => Err(error.downcast()?),
                },))
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

async fn open_at(
    guest: &mut ActivityGuest,
    (folder, how, path, whether, flags): Arguments,
) -> FsResult<Resource<Descriptor>> {
    let mut files = guest.filesystem();
    let same = Resource::new_borrow(folder.rep());
    match files.stat_at(same, how, path.clone()).await {
        // What cannot be looked at may be about to be made; whether it may be opened is decided below. Guests cannot make pipes.
        Err(_) => {}
        Ok(there) => match there.type_ {
            DescriptorType::RegularFile
            | DescriptorType::Directory
            | DescriptorType::SymbolicLink => {}
            _ => return Err(ErrorCode::NotPermitted.into()),
        },
    }
    files.open_at(folder, how, path, whether, flags).await
}
