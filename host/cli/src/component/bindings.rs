//! `sandglass component bindings`: what a language's own tool makes of the interfaces, beside the interfaces themselves.

use crate::exit::Exit;
use crate::language::Language;
use crate::outside::{COMPONENTIZE_PY, JCO_TRANSPILE};
use crate::wit::{self, World};
use anyhow::{Context, Result};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use wit_bindgen_core::{Files, WorldGenerator};
use wit_parser::WorldItem;

/// What the generated Go stands on: types, and the memory that the host writes its answers to.
const GO_RUNTIME: [(&str, &str); 5] = [
    ("go.mod", include_str!("bindings/go/go.mod.txt")),
    ("wit/runtime/runtime.go", include_str!("bindings/go/wit/runtime/runtime.go")),
    ("wit/runtime/handle.go", include_str!("bindings/go/wit/runtime/handle.go")),
    ("wit/runtime/empty.s", include_str!("bindings/go/wit/runtime/empty.s")),
    ("wit/types/types.go", include_str!("bindings/go/wit/types/types.go")),
];

/// Types that have no `Default` in Rust: variants, enums, and the records that hold one.
const RUST_WITHOUT_DEFAULT: [&str; 11] = [
    "payload",
    "failure",
    "failure-info",
    "cause",
    "timeout-kind",
    "retry-state",
    "timeout",
    "activity-failure",
    "child-workflow-failure",
    "cancellation-type",
    "cancel-reason",
];

/// Writes the interfaces, and the bindings that a language's tool makes of them
///
/// A guest needs nothing else: what it calls are these interfaces. Those of Rust, Go, C, C++ and
/// Zig need no other tool; Python's are made by componentize-py, JavaScript's and TypeScript's types
/// by jco-transpile.
#[derive(Args)]
pub(crate) struct Bindings {
    /// The language of the guest
    language: Language,
    /// The folder, made if it is not there; files of the same names are replaced
    #[arg(long, value_name = "DIR", default_value = "bindings")]
    out: PathBuf,
    /// What the guest is to be
    #[arg(long, default_value_t)]
    world: World,
}

impl Bindings {
    pub(crate) fn run(self) -> Result<Exit> {
        write(self.language, self.world, &self.out)?;
        Ok(Exit::Completed)
    }
}

/// Writes them into a folder.
pub(crate) fn write(language: Language, world: World, out: &Path) -> Result<()> {
    wit::write(&out.join("wit"))?;
    match language {
        Language::Rust => generate(rust(), world, out),
        Language::C | Language::Cpp | Language::Zig => generate(c(world)?, world, out),
        Language::Go => {
            generate(wit_bindgen_go::Opts::default().build(), world, out)?;
            for (name, text) in GO_RUNTIME {
                write_file(&out.join("runtime").join(name), text.as_bytes())?;
            }
            Ok(())
        }
        Language::Python => python(world, out),
        Language::JavaScript | Language::TypeScript => javascript(world, out),
    }
}

fn rust() -> Box<dyn WorldGenerator> {
    let options = wit_bindgen_rust::Opts {
        format: true,
        generate_all: true,
        pub_export_macro: true,
        additional_derive_attributes: vec!["Default".into()],
        additional_derive_ignore: RUST_WITHOUT_DEFAULT.map(str::to_owned).into(),
        ..wit_bindgen_rust::Opts::default()
    };
    Box::new(options.build())
}

/// C has no namespaces: what stands in an interface is named after it, and not after its package as well.
fn c(world: World) -> Result<Box<dyn WorldGenerator>> {
    let (resolve, id) = wit::resolve(world)?;
    let interfaces = resolve.worlds[id].imports.values().filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    });
    let rename = interfaces.filter_map(|id| {
        let name = resolve.interfaces[id].name.clone()?;
        Some((resolve.id_of(id)?, name.replace('-', "_")))
    });
    Ok(wit_bindgen_c::Opts { rename: rename.collect(), ..Default::default() }.build())
}

fn generate(mut generator: Box<dyn WorldGenerator>, world: World, out: &Path) -> Result<()> {
    let (mut resolve, id) = wit::resolve(world)?;
    let mut files = Files::default();
    generator.generate(&mut resolve, id, &mut files)?;
    for (name, bytes) in files.iter() {
        write_file(&out.join(name), bytes)?;
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("the file {} cannot be written", path.display()))
}

fn python(world: World, out: &Path) -> Result<()> {
    let mut call = COMPONENTIZE_PY.call();
    call.arg("--wit-path").arg(out.join("wit")).args(["--world", &world.path(), "bindings"]);
    COMPONENTIZE_PY.run(call.arg(out))
}

fn javascript(world: World, out: &Path) -> Result<()> {
    let script = include_str!("bindings/types.mjs");
    let mut call = JCO_TRANSPILE.call();
    call.args(["--input-type=module", "--eval", script, "--"]).arg(out.join("wit"));
    call.arg(world.path()).arg(out.join(format!("{world}.d.ts")));
    JCO_TRANSPILE.run(&mut call)
}
