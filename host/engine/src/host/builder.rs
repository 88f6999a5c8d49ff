//! Puts a host together: where its runs are kept, what code it has, what it serves.

use super::{Host, keep_time};
use crate::activity::{Activities, Activity, ComponentActivity};
use crate::client::DEFAULT_TASK_QUEUE;
use crate::clock::Clock;
use crate::engine::{Engine, EngineParts};
use crate::matching::ServedQueues;
use crate::options::HostOptions;
use crate::store::{self, MemoryStore, SqliteStore, Store};
use crate::wasm::{self, EngineOptions, Grants, WorkerOptions, WorkflowComponent};
use crate::worker::{ComponentWorker, WorkflowWorker};
use crate::writer::{Writer, WriterOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Why a host cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A component is refused.
    #[error("the component for {name} is refused: {error}")]
    Component {
        /// The types that it was to serve.
        name: String,
        /// Why.
        error: wasm::RegisterError,
    },
    /// A file cannot be read.
    #[error("the component file {} cannot be read: {error}", path.display())]
    File {
        /// The file, as it was given.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A folder that an activity is granted cannot be read.
    #[error("the granted folder {} cannot be read: {error}", path.display())]
    Folder {
        /// The folder, as it was given.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Something is granted to an activity type that no component does.
    #[error("grants are for components, and no component does the activity type {activity_type}")]
    GrantedToNone {
        /// The type.
        activity_type: String,
    },
    /// WebAssembly cannot be set up on this machine.
    #[error(transparent)]
    Wasm(#[from] wasm::EngineError),
    /// The operating system gives no threads.
    #[error("no threads can be had for guests: {0}")]
    Threads(String),
    /// The host was built with a worker that runs no components.
    #[error("this host runs no components: it was built with a workflow worker of its own")]
    NoComponents,
}

/// What a host is made of. Nothing happens before [`HostBuilder::start`].
#[derive(Default)]
#[must_use]
pub struct HostBuilder {
    place: Place,
    workflows: Vec<(Vec<String>, Code)>,
    activity_components: Vec<(String, Code)>,
    activities: BTreeMap<String, Arc<dyn Activity>>,
    grants: BTreeMap<String, Grants>,
    served: Option<ServedQueues>,
    options: HostOptions,
    wasm: EngineOptions,
    guest_threads: Option<usize>,
    cached_runs_max: Option<usize>,
    writer: WriterOptions,
    clock: Clock,
    identity: Option<String>,
    worker: Option<Arc<dyn WorkflowWorker>>,
}

#[derive(Default)]
enum Place {
    #[default]
    Memory,
    File(PathBuf),
    Store(Arc<dyn Store>),
}

enum Code {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Code {
    fn read(self) -> Result<Vec<u8>, HostError> {
        match self {
            Code::Bytes(bytes) => Ok(bytes),
            Code::File(path) => {
                std::fs::read(&path).map_err(|error| HostError::File { path, error })
            }
        }
    }
}

impl HostBuilder {
    /// Keeps the runs in that SQLite database, which is made if it is not there.
    pub fn sqlite(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::File(path.into());
        self
    }

    /// Keeps the runs in memory: they are gone with the host. The default.
    pub fn in_memory(mut self) -> Self {
        self.place = Place::Memory;
        self
    }

    /// Keeps the runs in that store.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.place = Place::Store(store);
        self
    }

    /// Runs workflows of that type with a component in a file.
    pub fn component_file(self, workflow_type: &str, path: impl Into<PathBuf>) -> Self {
        self.workflow(&[workflow_type], Code::File(path.into()))
    }

    /// Runs workflows of those types with a component.
    pub fn component(self, workflow_types: &[&str], bytes: impl Into<Vec<u8>>) -> Self {
        self.workflow(workflow_types, Code::Bytes(bytes.into()))
    }

    fn workflow(mut self, types: &[&str], code: Code) -> Self {
        self.workflows.push((types.iter().map(|&name| name.into()).collect(), code));
        self
    }

    /// Runs activities of that type with Rust: see [`crate::function`].
    pub fn activity(mut self, activity_type: &str, activity: Arc<dyn Activity>) -> Self {
        self.activities.insert(activity_type.into(), activity);
        self
    }

    /// Runs activities of that type with a component of the world `activity`, in a file.
    pub fn activity_file(mut self, activity_type: &str, path: impl Into<PathBuf>) -> Self {
        self.activity_components.push((activity_type.into(), Code::File(path.into())));
        self
    }

    /// Grants that to activities of that type, which a component has to do; what was granted to it before is taken back.
    pub fn grant(mut self, activity_type: &str, grants: Grants) -> Self {
        self.grants.insert(activity_type.into(), grants);
        self
    }

    /// Serves that task queue, and those named before; without any, `default`.
    pub fn task_queue(mut self, name: &str) -> Self {
        match &mut self.served {
            Some(ServedQueues::Named(names)) => {
                names.insert(name.into());
            }
            Some(ServedQueues::Any) => {}
            None => self.served = Some(ServedQueues::Named(BTreeSet::from([name.into()]))),
        }
        self
    }

    /// Takes, from any task queue, the types that it has.
    pub fn any_task_queue(mut self) -> Self {
        self.served = Some(ServedQueues::Any);
        self
    }

    /// Sets options and limits of the engine.
    pub fn options(mut self, options: HostOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets options and limits of the guests.
    pub fn wasm(mut self, options: EngineOptions) -> Self {
        self.wasm = options;
        self
    }

    /// Keeps compiled components in that folder, which is made if it is not there and is for this user alone.
    pub fn cache_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.wasm.cache_dir = Some(folder.into());
        self
    }

    /// Threads for guests; as many as cores, if not said.
    pub fn guest_threads(mut self, threads: usize) -> Self {
        self.guest_threads = Some(threads);
        self
    }

    /// Runs whose guests are held while they wait; as many as there is room for, if not said.
    pub fn cached_runs_max(mut self, runs: usize) -> Self {
        self.cached_runs_max = Some(runs);
        self
    }

    /// Sets options and limits of the writer.
    pub fn writer(mut self, options: WriterOptions) -> Self {
        self.writer = options;
        self
    }

    /// Reads the time there; a test's clock stands until it is moved.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Who the host is in histories; the process and the machine, if not said.
    pub fn identity(mut self, identity: &str) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Runs workflows with that worker, in place of one that runs components.
    pub fn workflow_worker(mut self, worker: Arc<dyn WorkflowWorker>) -> Self {
        self.worker = Some(worker);
        self
    }

    /// Opens the store, loads the code, and goes on with every open run. To be called within a tokio runtime, which the host uses.
    pub async fn start(self) -> Result<Host, HostError> {
        let identity = self.identity.clone().unwrap_or_else(default_identity);
        let wasm = wasm::Engine::new(self.wasm.clone())?;
        let (components, grants) = (self.activity_components, self.grants);
        let mut activities =
            compiling(&wasm, move |wasm| load_activities(wasm, components, grants)).await?;
        for (name, activity) in self.activities {
            activities.insert(name, activity);
        }
        let (worker, guests): (Arc<dyn WorkflowWorker>, _) = match self.worker {
            Some(worker) => (worker, None),
            None => {
                let mut options = WorkerOptions::for_engine(&wasm);
                options.identity.clone_from(&identity);
                options.threads = self.guest_threads.unwrap_or(options.threads);
                options.cached_runs_max = self.cached_runs_max.unwrap_or(options.cached_runs_max);
                let workflows = self.workflows;
                let worker =
                    compiling(&wasm, move |wasm| load_workflows(wasm, options, workflows)).await?;
                (Arc::new(ComponentWorker::new(worker.clone())), Some((wasm, worker)))
            }
        };
        let store: Arc<dyn Store> = match self.place {
            Place::Memory => Arc::new(MemoryStore::default()),
            Place::File(path) => Arc::new(SqliteStore::open(&path)?),
            Place::Store(store) => store,
        };
        let default_queue = || ServedQueues::Named(BTreeSet::from([DEFAULT_TASK_QUEUE.into()]));
        let engine = Engine::new(EngineParts {
            options: self.options,
            clock: self.clock,
            writer: Writer::start(Arc::clone(&store), self.writer),
            store,
            served: self.served.unwrap_or_else(default_queue),
            activities,
            host_id: uuid::Uuid::new_v4().to_string(),
            identity,
        });
        engine.set_worker(worker);
        let forgetful = Arc::downgrade(&engine);
        engine.writer.on_failed(move |workflow_ids| {
            if let Some(engine) = forgetful.upgrade() {
                engine.forget(workflow_ids);
            }
        });
        engine.recover().await?;
        let timekeeper = tokio::spawn(keep_time(Arc::clone(&engine)));
        Ok(Host { engine, timekeeper, guests })
    }
}

/// Loads code on a thread where that may take its time: components of some languages take half a minute to compile.
async fn compiling<T: Send + 'static>(
    wasm: &wasm::Engine,
    load: impl FnOnce(&wasm::Engine) -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    let wasm = wasm.clone();
    let loaded = tokio::task::spawn_blocking(move || load(&wasm)).await;
    match loaded.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(loaded) => loaded,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime is being shut down.
        Err(Err(error)) => Err(HostError::Threads(error.to_string())),
    }
}

fn load_activities(
    wasm: &wasm::Engine,
    components: Vec<(String, Code)>,
    mut grants: BTreeMap<String, Grants>,
) -> Result<Activities, HostError> {
    let mut activities = Activities::default();
    for (name, code) in components {
        let granted = grants.remove(&name).unwrap_or_default();
        granted.check().map_err(|(path, error)| HostError::Folder { path, error })?;
        let activity = ComponentActivity::load(wasm, &code.read()?, granted)
            .map_err(|error| HostError::Component { name: name.clone(), error })?;
        activities.insert(name, Arc::new(activity));
    }
    match grants.into_keys().next() {
        Some(activity_type) => Err(HostError::GrantedToNone { activity_type }),
        None => Ok(activities),
    }
}

fn load_workflows(
    wasm: &wasm::Engine,
    options: WorkerOptions,
    workflows: Vec<(Vec<String>, Code)>,
) -> Result<wasm::Worker, HostError> {
    let worker =
        wasm::Worker::new(wasm, options).map_err(|error| HostError::Threads(error.to_string()))?;
    for (types, code) in workflows {
        let component = WorkflowComponent::load(wasm, &code.read()?)
            .map_err(|error| HostError::Component { name: types.join(", "), error })?;
        for workflow_type in types {
            worker.register(workflow_type, component.clone());
        }
    }
    Ok(worker)
}

/// As Temporal's SDKs have it: process and machine.
fn default_identity() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}@{}", std::process::id(), machine.trim())
}
