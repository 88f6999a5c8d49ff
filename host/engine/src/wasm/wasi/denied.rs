//! Interfaces that are offered and deny every call: files and sockets. They have a hundred functions, none of which does anything, so they are
//! made from what a component's own imports say.

use super::Outside;
use super::filesystem::{Descriptor, DirectoryEntryStream};
use super::io::error::IoError;
use super::io::poll::Pollable;
use super::io::streams::{InputStream, OutputStream};
use super::sockets::{
    IncomingDatagramStream, Network, OutgoingDatagramStream, ResolveAddressStream, TcpSocket,
    UdpSocket,
};
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Linker, LinkerInstance, ResourceType, Type, Val};
use wasmtime::format_err;

/// Interfaces without their versions.
const DEFINED: [&str; 19] = [
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:filesystem/preopens",
];

const DENIED: [&str; 8] = [
    "wasi:filesystem/types",
    "wasi:sockets/network",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// Whether there is that interface of WASI here: any patch of version 0.2.
pub(in crate::wasm) fn is_offered(interface: &str) -> bool {
    let Some((name, version)) = interface.split_once('@') else { return false };
    let known = DEFINED.contains(&name) || DENIED.contains(&name);
    known && is_version(version)
}

/// Any patch of version 0.2.
pub(in crate::wasm) fn is_version(version: &str) -> bool {
    version.strip_prefix("0.2.").is_some_and(|patch| patch.parse::<u32>().is_ok())
}

/// Defines the functions of a denied interface that are not defined yet; nothing if `interface` is not one of those.
pub(in crate::wasm) fn deny<T: Outside>(
    linker: &mut Linker<T>,
    engine: &wasmtime::Engine,
    interface: &str,
    instance: &ComponentInstance,
) -> wasmtime::Result<()> {
    let name = interface.split_once('@').map_or(interface, |(name, _)| name);
    if !DENIED.contains(&name) || name == "wasi:sockets/instance-network" {
        return Ok(());
    }
    linker.allow_shadowing(true);
    let mut definitions = linker.instance(interface)?;
    for (function, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                let sentence = format!("{interface}#{function} is denied to guests");
                definitions
                    .func_new(function, move |_, ty, _, results| refuse(&ty, results, &sentence))?;
            }
            ComponentItem::Resource(_) => define_resource(&mut definitions, function)?,
            _ => {}
        }
    }
    Ok(())
}

fn define_resource<T: Outside>(
    definitions: &mut LinkerInstance<'_, T>,
    name: &str,
) -> wasmtime::Result<()> {
    let ty = match name {
        "descriptor" => ResourceType::host::<Descriptor>(),
        "directory-entry-stream" => ResourceType::host::<DirectoryEntryStream>(),
        "network" => ResourceType::host::<Network>(),
        "tcp-socket" => ResourceType::host::<TcpSocket>(),
        "udp-socket" => ResourceType::host::<UdpSocket>(),
        "incoming-datagram-stream" => ResourceType::host::<IncomingDatagramStream>(),
        "outgoing-datagram-stream" => ResourceType::host::<OutgoingDatagramStream>(),
        "resolve-address-stream" => ResourceType::host::<ResolveAddressStream>(),
        "error" => ResourceType::host::<IoError>(),
        "pollable" => ResourceType::host::<Pollable>(),
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        _ => return Ok(()),
    };
    definitions.resource(name, ty, |_, _| Ok(()))
}

/// The interface's own word for "no" if the function's type has room for one, else a trap.
fn refuse(ty: &ComponentFunc, results: &mut [Val], sentence: &str) -> wasmtime::Result<()> {
    let denied = ty.results().next().and_then(|result| match result {
        Type::Result(result) => match result.err() {
            Some(Type::Enum(codes)) => codes
                .names()
                .find(|code| matches!(*code, "access" | "access-denied"))
                .map(|code| Val::Result(Err(Some(Box::new(Val::Enum(code.into())))))),
            _ => None,
        },
        Type::Option(_) => Some(Val::Option(None)),
        _ => None,
    });
    match (denied, results.first_mut()) {
        (Some(denied), Some(result)) => {
            *result = denied;
            Ok(())
        }
        _ => Err(format_err!("{sentence}")),
    }
}
