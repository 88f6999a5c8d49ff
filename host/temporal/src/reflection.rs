//! What the server tells of its services to tools that ask: the methods that are built, and no others.

use tonic_reflection::server::Builder;
use tonic_reflection::server::v1::{ServerReflection as V1, ServerReflectionServer as V1Server};
use tonic_reflection::server::v1alpha::{
    ServerReflection as V1Alpha, ServerReflectionServer as V1AlphaServer,
};

/// Temporal's descriptors with the services that are served; the build script makes them.
const TEMPORAL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shown.bin"));

const READABLE: &str = "the build script wrote these descriptors";

fn builder() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(TEMPORAL)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

pub(crate) fn v1() -> V1Server<impl V1> {
    builder().build_v1().expect(READABLE)
}

/// What older tools ask.
pub(crate) fn v1alpha() -> V1AlphaServer<impl V1Alpha> {
    builder().build_v1alpha().expect(READABLE)
}
