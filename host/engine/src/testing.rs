//! For the tests of those who write workflows: does a component still replay the histories that are recorded?
//!
//! What lives here: the replay of one history with one component, and an assertion for `cargo test`. What does not: reading histories from
//! files, which is `sandglass-temporal`'s, and a clock for tests, which is [`Clock`](crate::Clock).

use crate::client::History;
use crate::wasm::{self, Engine, EngineOptions, RegisterError, WorkflowComponent};
use std::io;
use std::path::{Path, PathBuf};

pub use crate::wasm::{Divergence, ReplayError, Replayed};

/// Why nothing can be replayed with a component.
#[derive(Debug, thiserror::Error)]
pub enum ReplayerError {
    /// The file cannot be read.
    #[error("{path}: {error}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is no workflow component.
    #[error("{path}: {error}", path = path.display())]
    Component {
        /// The file.
        path: PathBuf,
        /// Why it is refused.
        error: RegisterError,
    },
    /// wasmtime cannot be set up.
    #[error(transparent)]
    Engine(#[from] wasm::EngineError),
}

/// Replays histories with one component. No host, no database and no network is needed, and no activity runs.
#[derive(Clone, Debug)]
pub struct Replayer {
    engine: Engine,
    component: WorkflowComponent,
}

impl Replayer {
    /// With the component in that file, compiled here, under the limits that a host has by default.
    pub fn new(component: impl AsRef<Path>) -> Result<Self, ReplayerError> {
        // One instance lives at a time; and people want to know the line of their code.
        let options =
            EngineOptions { instances_max: 8, source_lines: true, ..EngineOptions::default() };
        Self::with_options(component, options)
    }

    /// With those limits, which should be those of the hosts that the component is for.
    pub fn with_options(
        component: impl AsRef<Path>,
        options: EngineOptions,
    ) -> Result<Self, ReplayerError> {
        let path = component.as_ref();
        let engine = Engine::new(options)?;
        let bytes = std::fs::read(path)
            .map_err(|error| ReplayerError::Unreadable { path: path.into(), error })?;
        let component = WorkflowComponent::load(&engine, &bytes)
            .map_err(|error| ReplayerError::Component { path: path.into(), error })?;
        Ok(Replayer { engine, component })
    }

    /// The component's digest: the build id of what it decides.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.component.digest()
    }

    /// Replays a history, from its first event on.
    ///
    /// # Errors
    /// The first place at which code and history part.
    pub fn replay(&self, history: &History) -> Result<Replayed, ReplayError> {
        wasm::replay(&self.engine, &self.component, &history.events)
    }
}

/// Asserts that the component in that file does what the history says.
///
/// # Panics
/// If it does not: with what was recorded, what the guest did, and where in its code.
#[track_caller]
pub fn assert_replays(component: impl AsRef<Path>, history: &History) {
    let path = component.as_ref();
    let replayer = Replayer::new(path).unwrap_or_else(|error| panic!("{error}"));
    if let Err(error) = replayer.replay(history) {
        panic!("{} does not replay the history: {error}", path.display());
    }
}
