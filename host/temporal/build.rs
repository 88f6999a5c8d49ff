//! Generates the server's traits for the methods in `src/methods.txt` and `src/operator_methods.txt`, and the descriptors that reflection
//! shows, from the descriptors that `temporalio-protos` publishes.
//!
//! A trait has exactly the methods that are built, so the compiler checks those lists in both directions; `src/methods.rs` answers the others.

use prost::Message;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

/// The services that are built, by their files, and where their methods are listed.
const SERVICES: [(&str, &str); 2] = [
    ("temporal/api/workflowservice/v1/service.proto", "src/methods.txt"),
    ("temporal/api/operatorservice/v1/service.proto", "src/operator_methods.txt"),
];

fn main() -> Result<(), Box<dyn Error>> {
    // The key is not documented; the version is pinned for that reason.
    let path = std::env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH")?;
    println!("cargo:rerun-if-changed={path}");
    println!("cargo:rustc-env=TEMPORAL_DESCRIPTORS={path}");
    let mut files = prost_types::FileDescriptorSet::decode(&*std::fs::read(&path)?)?;
    for (name, methods) in SERVICES {
        println!("cargo:rerun-if-changed={methods}");
        let list = std::fs::read_to_string(Path::new(methods))?;
        let mut built: BTreeMap<&str, ()> = list.lines().map(|name| (name, ())).collect();
        let file = files.file.iter_mut().filter(|file| file.name() == name);
        for service in file.flat_map(|file| &mut file.service) {
            service.method.retain(|method| built.remove(method.name()).is_some());
        }
        if let Some((method, ())) = built.first_key_value() {
            return Err(format!("{name} has no method {method}").into());
        }
    }
    let is_built = |file: &prost_types::FileDescriptorProto| {
        SERVICES.iter().any(|(name, _)| *name == file.name())
    };
    // What else is there is not served.
    for file in files.file.iter_mut().filter(|file| !is_built(file)) {
        file.service.clear();
    }
    let shown = Path::new(&std::env::var("OUT_DIR")?).join("shown.bin");
    std::fs::write(shown, files.encode_to_vec())?;
    files.file.retain(is_built);
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(true)
        .extern_path(".temporal.api", "::temporalio_protos::temporal::api")
        .compile_fds(files)?;
    Ok(())
}
