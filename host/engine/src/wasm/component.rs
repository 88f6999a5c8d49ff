//! Components: compiled, checked, and ready to be instantiated.

use super::activity::ActivityGuest;
use super::bindings::activity::ActivityPre;
use super::bindings::workflow::WorkflowPre;
use super::bindings::workflow::sandglass::workflow::types::{Failure, Payload};
use super::cache;
use super::engine::Engine;
use super::grants::Grants;
use super::guest::Guest;
use super::wasi;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use wasmparser::Parser;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Component, InstancePre, Linker};

/// Why a component is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// It is something else.
    #[error(
        "it is not WebAssembly: give a component, the .wasm file that a build for wasm32-wasip2 makes"
    )]
    NotWasm,
    /// It is a core module.
    #[error(
        "it is a core module, not a component: build it for wasm32-wasip2, or make a component of it with `sandglass component new`"
    )]
    CoreModule,
    /// It cannot be compiled, or is larger than the limits of guests are.
    #[error("it cannot be compiled: {0}")]
    Invalid(String),
    /// It wants more than there is.
    #[error(
        "it imports what {wanted} is not offered: {}; there are sandglass:workflow, sandglass:activity and WASI 0.2, of which wasi:http is \
         for activities alone",
        .imports.join(", ")
    )]
    NotOffered {
        /// What was to be registered.
        wanted: &'static str,
        /// What it asks for.
        imports: Vec<String>,
    },
    /// It is of the other world.
    #[error("it is {found}, not {wanted}: it imports {because}")]
    WrongWorld {
        /// What was to be registered.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
        /// The import that shows it.
        because: String,
    },
    /// It has no `run`.
    #[error("it does not export the function run: export {0}")]
    MissingRun(&'static str),
    /// It answers queries with arguments, which nothing here asks yet: who relies on that would be let down in silence.
    #[error(
        "its world is queryable-workflow, and queries with arguments are not served yet: build it for the world \
         workflow, and publish what queries are to read"
    )]
    QueryNotServed,
    /// Its `run`, or something that it imports, has another type.
    #[error("it was built against another version of the WIT: {0}")]
    WrongType(String),
}

/// A component that serves workflow types. Cheap to clone.
#[derive(Clone)]
pub struct WorkflowComponent {
    digest: Arc<str>,
    pub(super) pre: WorkflowPre<Guest>,
}

/// A component that serves activity types. Cheap to clone.
#[derive(Clone)]
pub struct ActivityComponent {
    digest: Arc<str>,
    pub(super) pre: ActivityPre<ActivityGuest>,
    grants: Arc<Grants>,
}

/// A component of whichever world, compiled and not yet checked.
pub(super) struct Compiled {
    pub(super) digest: Arc<str>,
    pub(super) component: Component,
}

const WORKFLOW: &str = "a workflow";
const ACTIVITY: &str = "an activity";

const RUN: &str =
    "`run: func(input: list<payload>) -> result<payload, failure>`, as the world says";

impl WorkflowComponent {
    /// Compiles `bytes`, or finds them compiled, and checks that they are a workflow.
    pub fn load(engine: &Engine, bytes: &[u8]) -> Result<WorkflowComponent, RegisterError> {
        let compiled = compile(engine, bytes)?;
        let wrong = |import: &str| {
            import.starts_with("sandglass:activity/").then_some((WORKFLOW, ACTIVITY))
        };
        let mut linker = engine.workflow_linker().clone();
        look_at_imports(engine, &compiled, WORKFLOW, wrong, |import, instance| {
            wasi::deny(&mut linker, engine.wasmtime(), import, instance)
        })?;
        let pre = checked(engine, &linker, &compiled)?;
        let pre = WorkflowPre::new(pre).map_err(wrong_type)?;
        Ok(WorkflowComponent { digest: compiled.digest, pre })
    }

    /// Its content's digest, `sha256:` and 64 digits: the build id of what it decides.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl ActivityComponent {
    /// Compiles `bytes`, or finds them compiled, and checks that they are an activity.
    pub fn load(engine: &Engine, bytes: &[u8]) -> Result<ActivityComponent, RegisterError> {
        let compiled = compile(engine, bytes)?;
        let wrong = |import: &str| is_of_workflows(import).then_some((ACTIVITY, WORKFLOW));
        look_at_imports(engine, &compiled, ACTIVITY, wrong, |_, _| Ok(()))?;
        let pre = checked(engine, engine.activity_linker(), &compiled)?;
        let pre = ActivityPre::new(pre).map_err(wrong_type)?;
        Ok(ActivityComponent { digest: compiled.digest, pre, grants: Arc::default() })
    }

    /// The same component, which may have that much of the machine, and no more.
    #[must_use]
    pub fn with_grants(self, grants: Grants) -> ActivityComponent {
        ActivityComponent { grants: Arc::new(grants), ..self }
    }

    pub(super) fn grants(&self) -> &Arc<Grants> {
        &self.grants
    }

    /// Its content's digest.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl std::fmt::Debug for WorkflowComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WorkflowComponent").field(&self.digest).finish()
    }
}

impl std::fmt::Debug for ActivityComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ActivityComponent").field(&self.digest).finish()
    }
}

/// Interfaces of `sandglass:workflow` that only a workflow can call.
pub(super) fn is_of_workflows(import: &str) -> bool {
    ["cancellation", "select", "timers", "activities", "signals"].iter().any(|name| {
        import
            .strip_prefix("sandglass:workflow/")
            .and_then(|rest| rest.split_once('@'))
            .is_some_and(|(interface, _)| interface == *name)
    })
}

/// Whether a guest can have it.
pub(super) fn is_offered(import: &str) -> bool {
    const WORKFLOW: [&str; 9] = [
        "types",
        "failures",
        "execution",
        "log",
        "cancellation",
        "select",
        "timers",
        "activities",
        "signals",
    ];
    let named = |package: &str, names: &[&str]| {
        import
            .strip_prefix(package)
            .and_then(|rest| rest.split_once('@'))
            .is_some_and(|(name, version)| names.contains(&name) && version == "0.1.0")
    };
    named("sandglass:workflow/", &WORKFLOW)
        || named("sandglass:activity/", &["attempt"])
        || wasi::is_offered(import)
}

/// Requests over HTTP, which only an activity can make.
pub(super) fn is_http(import: &str) -> bool {
    let Some((name, version)) = import.split_once('@') else { return false };
    let known = matches!(name, "wasi:http/types" | "wasi:http/outgoing-handler");
    known && wasi::is_version(version)
}

pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", cache::hex(&Sha256::digest(bytes)))
}

pub(super) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Compiled, RegisterError> {
    if Parser::is_core_wasm(bytes) {
        return Err(RegisterError::CoreModule);
    }
    if !Parser::is_component(bytes) {
        return Err(RegisterError::NotWasm);
    }
    let digest = digest(bytes);
    let folder = engine.options().cache_dir.as_deref();
    let component = cache::load_or_compile(engine.wasmtime(), folder, &digest, bytes)
        .map_err(|error| RegisterError::Invalid(format!("{error:#}")))?;
    Ok(Compiled { digest: digest.into(), component })
}

fn wrong_type(error: wasmtime::Error) -> RegisterError {
    RegisterError::WrongType(format!("{error:#}"))
}

/// Whether each import is there for that world; `instance` is called for those that are interfaces.
fn look_at_imports(
    engine: &Engine,
    compiled: &Compiled,
    wanted: &'static str,
    wrong_world: impl Fn(&str) -> Option<(&'static str, &'static str)>,
    mut interface: impl FnMut(&str, &ComponentInstance) -> wasmtime::Result<()>,
) -> Result<(), RegisterError> {
    let mut imports = Vec::new();
    for (import, item) in compiled.component.component_type().imports(engine.wasmtime()) {
        if let Some((wanted, found)) = wrong_world(import) {
            return Err(RegisterError::WrongWorld { wanted, found, because: import.into() });
        }
        if !(is_offered(import) || wanted == ACTIVITY && is_http(import)) {
            imports.push(import.to_owned());
        } else if let ComponentItem::ComponentInstance(instance) = &item.ty {
            interface(import, instance).map_err(wrong_type)?;
        }
    }
    match imports.is_empty() {
        true => Ok(()),
        false => Err(RegisterError::NotOffered { wanted, imports }),
    }
}

fn checked<T: 'static>(
    engine: &Engine,
    linker: &Linker<T>,
    compiled: &Compiled,
) -> Result<InstancePre<T>, RegisterError> {
    let (component, wasmtime) = (&compiled.component, engine.wasmtime());
    let ty = component.component_type();
    match ty.get_export(wasmtime, "run").map(|export| export.ty) {
        Some(ComponentItem::ComponentFunc(run)) => {
            run.typecheck::<(&[Payload],), (Result<Payload, Failure>,)>(&ty.instance_type())
                .map_err(wrong_type)?;
        }
        _ => return Err(RegisterError::MissingRun(RUN)),
    }
    if ty.get_export(wasmtime, "query").is_some() {
        return Err(RegisterError::QueryNotServed);
    }
    linker.instantiate_pre(component).map_err(wrong_type)
}
