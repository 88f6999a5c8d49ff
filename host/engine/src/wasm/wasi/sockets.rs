//! `wasi:sockets`: the network is there to be asked, and denies everything (`denied`).

use super::Outside;
use wasmtime::component::{Linker, Resource, ResourceType};

/// The resource `network`.
pub(super) struct Network;

/// The resource `tcp-socket`.
pub(super) struct TcpSocket;

/// The resource `udp-socket`.
pub(super) struct UdpSocket;

/// The resource `incoming-datagram-stream`.
pub(super) struct IncomingDatagramStream;

/// The resource `outgoing-datagram-stream`.
pub(super) struct OutgoingDatagramStream;

/// The resource `resolve-address-stream`.
pub(super) struct ResolveAddressStream;

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.instance("wasi:sockets/network@0.2.12")?.resource(
        "network",
        ResourceType::host::<Network>(),
        |_, _| Ok(()),
    )?;
    linker
        .instance("wasi:sockets/instance-network@0.2.12")?
        .func_wrap("instance-network", |_, (): ()| Ok((Resource::<Network>::new_own(0),)))
}
