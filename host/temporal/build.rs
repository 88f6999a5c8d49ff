//! Generates the server's traits for the methods in `src/methods.txt`, from the descriptors that `temporalio-protos` publishes.
//!
//! A trait has exactly the methods that are built, so the compiler checks that list in both directions; `src/unknown.rs` answers the others.

use prost::Message;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

const PACKAGE: &str = "temporal.api.workflowservice.v1";
const FILE: &str = "temporal/api/workflowservice/v1/service.proto";

fn main() -> Result<(), Box<dyn Error>> {
    // The key is not documented; the version is pinned for that reason.
    let path = std::env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH")?;
    println!("cargo:rerun-if-changed={path}");
    println!("cargo:rerun-if-changed=src/methods.txt");
    println!("cargo:rustc-env=TEMPORAL_DESCRIPTORS={path}");
    let list = std::fs::read_to_string(Path::new("src/methods.txt"))?;
    let mut built: BTreeMap<&str, ()> = list.lines().map(|name| (name, ())).collect();
    let mut files = prost_types::FileDescriptorSet::decode(&*std::fs::read(&path)?)?;
    files.file.retain(|file| file.name() == FILE);
    for service in files.file.iter_mut().flat_map(|file| &mut file.service) {
        service.method.retain(|method| built.remove(method.name()).is_some());
    }
    if let Some((name, ())) = built.first_key_value() {
        return Err(format!("{PACKAGE} has no method {name}").into());
    }
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(true)
        .extern_path(".temporal.api", "::temporalio_protos::temporal::api")
        .compile_fds(files)?;
    Ok(())
}
