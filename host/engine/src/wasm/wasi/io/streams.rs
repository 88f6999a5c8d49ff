//! `wasi:io/streams`: stdin, which has ended, and stdout and stderr, which become lines of the log.

use super::error::IoError;
use super::poll;
use crate::wasm::log::Stream;
use crate::wasm::wasi::Outside;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};

/// The resource `input-stream`: there is one, and it has ended.
pub(in crate::wasm::wasi) struct InputStream;

/// The resource `output-stream`: stdout and stderr.
pub(in crate::wasm::wasi) struct OutputStream;

/// The variant `stream-error`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

/// The bytes that a stream takes at once.
const WRITE_BYTES_MAX: u64 = 64 * 1024;

pub(in crate::wasm::wasi) fn stdin() -> Resource<InputStream> {
    Resource::new_own(0)
}

pub(in crate::wasm::wasi) fn output(stream: Stream) -> Resource<OutputStream> {
    Resource::new_own(match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    })
}

fn stream(stream: &Resource<OutputStream>) -> Stream {
    match stream.rep() {
        2 => Stream::Stderr,
        _ => Stream::Stdout,
    }
}

pub(in crate::wasm::wasi) fn add_to_linker<T: Outside>(
    linker: &mut Linker<T>,
) -> wasmtime::Result<()> {
    let mut interface = linker.instance("wasi:io/streams@0.2.12")?;
    interface.resource("input-stream", ResourceType::host::<InputStream>(), |_, _| Ok(()))?;
    interface.resource("output-stream", ResourceType::host::<OutputStream>(), |_, _| Ok(()))?;
    add_input(&mut interface)?;
    add_output(&mut interface)?;
    add_splices(&mut interface)
}

fn add_input<T: Outside>(interface: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    for name in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        interface.func_wrap(name, |_, (_, _): (Resource<InputStream>, u64)| {
            Ok((Err::<Vec<u8>, _>(StreamError::Closed),))
        })?;
    }
    for name in ["[method]input-stream.skip", "[method]input-stream.blocking-skip"] {
        interface.func_wrap(name, |_, (_, _): (Resource<InputStream>, u64)| {
            Ok((Err::<u64, _>(StreamError::Closed),))
        })?;
    }
    interface.func_wrap("[method]input-stream.subscribe", |_, (_,): (Resource<InputStream>,)| {
        Ok((poll::ready(),))
    })
}

fn add_output<T: Outside>(interface: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    interface
        .func_wrap("[method]output-stream.check-write", |_, (_,): (Resource<OutputStream>,)| {
            Ok((Ok::<_, StreamError>(WRITE_BYTES_MAX),))
        })?;
    for name in ["[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"] {
        interface.func_wrap(
            name,
            |mut store: StoreContextMut<'_, T>, (to, bytes): (Resource<OutputStream>, Vec<u8>)| {
                store.data_mut().write(stream(&to), &bytes)?;
                Ok((Ok::<_, StreamError>(()),))
            },
        )?;
    }
    for name in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        interface.func_wrap(name, |_, (_,): (Resource<OutputStream>,)| {
            Ok((Ok::<_, StreamError>(()),))
        })?;
    }
    // Zeroes say nothing in a log.
    for name in [
        "[method]output-stream.write-zeroes",
        "[method]output-stream.blocking-write-zeroes-and-flush",
    ] {
        interface.func_wrap(name, |_, (_, _): (Resource<OutputStream>, u64)| {
            Ok((Ok::<_, StreamError>(()),))
        })?;
    }
    interface.func_wrap("[method]output-stream.subscribe", |_, (_,): (Resource<OutputStream>,)| {
        Ok((poll::ready(),))
    })
}

fn add_splices<T: Outside>(interface: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    type Splice = (Resource<OutputStream>, Resource<InputStream>, u64);
    for name in ["[method]output-stream.splice", "[method]output-stream.blocking-splice"] {
        interface
            .func_wrap(name, |_, (_, _, _): Splice| Ok((Err::<u64, _>(StreamError::Closed),)))?;
    }
    Ok(())
}
