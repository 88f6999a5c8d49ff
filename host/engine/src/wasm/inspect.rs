//! What a component is, for people: its world, what it imports and exports, what made it. It need not be one that can be registered.

use super::RegisterError;
use super::component::{compile, is_http, is_of_workflows, is_offered};
use super::engine::Engine;
use std::collections::BTreeSet;
use std::fmt;
use wasmparser::{ExportSectionReader, KnownCustom, Parser, Payload, ProducersSectionReader};

/// What a component can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Workflow types.
    Workflow,
    /// Workflow types, and queries with arguments.
    QueryableWorkflow,
    /// Activity types.
    Activity,
    /// Either: it only computes.
    WorkflowOrActivity,
    /// None: it does not export `run`.
    Unknown,
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            World::Workflow => "workflow",
            World::QueryableWorkflow => "queryable-workflow",
            World::Activity => "activity",
            World::WorkflowOrActivity => "workflow or activity",
            World::Unknown => "unknown",
        })
    }
}

/// Something that a component imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name, with its version.
    pub name: String,
    /// Whether there is that here.
    pub offered: bool,
}

/// Something that made a component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub role: String,
    /// Its name.
    pub name: String,
    /// Its version; empty if it does not say.
    pub version: String,
}

/// What a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Its content's digest.
    pub digest: String,
    /// Bytes of the file.
    pub size: usize,
    /// Bytes of the code that it is compiled to, with all that is kept beside it.
    pub compiled_size: usize,
    /// What it can serve.
    pub world: World,
    /// What it imports.
    pub imports: Vec<Import>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What made it.
    pub producers: Vec<Producer>,
}

/// Looks into the component `bytes`, which is compiled for that.
pub fn inspect(engine: &Engine, bytes: &[u8]) -> Result<Inspection, RegisterError> {
    let compiled = compile(engine, bytes)?;
    let component = &compiled.component;
    let ty = component.component_type();
    let mut imports: Vec<Import> = ty
        .imports(engine.wasmtime())
        .map(|(name, _)| Import { name: name.to_owned(), offered: is_offered(name) })
        .collect();
    let exports: Vec<String> =
        ty.exports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();
    let world = world(&imports, &exports);
    if matches!(world, World::Activity | World::WorkflowOrActivity) {
        imports.iter_mut().for_each(|import| import.offered |= is_http(&import.name));
    }
    let image = component.image_range();
    Ok(Inspection {
        digest: compiled.digest.to_string(),
        size: bytes.len(),
        compiled_size: image.end as usize - image.start as usize,
        world,
        imports,
        exports,
        producers: producers(bytes),
    })
}

fn world(imports: &[Import], exports: &[String]) -> World {
    let exports = |name: &str| exports.iter().any(|export| export == name);
    let imports_some = |of: &dyn Fn(&str) -> bool| imports.iter().any(|import| of(&import.name));
    if !exports("run") {
        World::Unknown
    } else if exports("query") {
        World::QueryableWorkflow
    } else if imports_some(&|name| name.starts_with("sandglass:activity/")) {
        World::Activity
    } else if imports_some(&is_of_workflows) {
        World::Workflow
    } else {
        World::WorkflowOrActivity
    }
}

/// What the modules and components within say about who made them; a part that cannot be read says nothing.
fn producers(bytes: &[u8]) -> Vec<Producer> {
    // Of the parts that are being read, the innermost last; none where its author did not write it.
    let mut open = vec![Some(BTreeSet::new())];
    let mut found = BTreeSet::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => {
                open.push(Some(BTreeSet::new()));
            }
            Ok(Payload::End(_)) => found.extend(open.pop().flatten().unwrap_or_default()),
            Ok(Payload::ExportSection(exports)) if is_adapter(exports.clone()) => {
                open.pop();
                open.push(None);
            }
            Ok(Payload::CustomSection(section)) => {
                let part = open.last_mut().and_then(Option::as_mut);
                if let (KnownCustom::Producers(fields), Some(part)) = (section.as_known(), part) {
                    part.extend(listed(fields));
                }
            }
            _ => {}
        }
    }
    found.into_iter().collect()
}

/// Whether a module with these exports turns WASI 0.1 into 0.2: it is put in when a component is made of a core module.
fn is_adapter(exports: ExportSectionReader<'_>) -> bool {
    exports.into_iter().flatten().any(|export| export.name == "cabi_import_realloc")
}

fn listed(fields: ProducersSectionReader<'_>) -> Vec<Producer> {
    let mut found = Vec::new();
    for field in fields.into_iter().flatten() {
        found.extend(field.values.into_iter().flatten().map(|value| Producer {
            role: field.name.to_owned(),
            name: value.name.to_owned(),
            version: value.version.to_owned(),
        }));
    }
    found
}
