//! wasmtime's configuration (D7), the thread that raises the epoch (D6), and the linkers of the two worlds.
//!
//! What lives here: everything that all guests of a process share. What does not: one guest (`instance`, `activity`).

use super::activity::ActivityGuest;
use super::bindings;
use super::guest::Guest;
use super::limits::Limits;
use super::wasi;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

/// What an [`Engine`] is made with.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Bounds of every guest.
    pub limits: Limits,
    /// Where compiled components are kept, a folder that this user alone can enter; nowhere if `None`.
    pub cache_dir: Option<PathBuf>,
    /// Instances that exist at once, parked ones included. Address space is reserved for them, memory is not.
    pub instances_max: u32,
    /// How often a guest that computes is looked at.
    pub tick: Duration,
    /// Whether stack traces of guests that trap name files and lines, if the component has debug information. Dropping a guest that waits
    /// unwinds its stack, which then takes a millisecond instead of some tens of microseconds.
    pub source_lines: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            limits: Limits::default(),
            cache_dir: None,
            instances_max: instances_max(),
            tick: Duration::from_millis(2),
            source_lines: false,
        }
    }
}

/// What all guests of a process share. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    wasmtime: wasmtime::Engine,
    options: EngineOptions,
    workflow_linker: Linker<Guest>,
    activity_linker: Linker<ActivityGuest>,
}

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine cannot be made with these options: {0}")]
pub struct EngineError(String);

impl From<wasmtime::Error> for EngineError {
    fn from(error: wasmtime::Error) -> Self {
        EngineError(format!("{error:#}"))
    }
}

impl Engine {
    /// An engine with those options, and its ticker.
    pub fn new(options: EngineOptions) -> Result<Engine, EngineError> {
        let wasmtime = wasmtime::Engine::new(&config(&options))?;
        let mut workflow_linker = Linker::new(&wasmtime);
        bindings::workflow::Workflow::add_to_linker::<_, HasSelf<Guest>>(
            &mut workflow_linker,
            |guest| guest,
        )?;
        wasi::add_to_linker(&mut workflow_linker)?;
        let mut activity_linker = Linker::new(&wasmtime);
        super::activity::add_to_linker(&mut activity_linker)?;
        start_ticker(&wasmtime, options.tick)
            .map_err(|error| EngineError(format!("no thread for the ticker: {error}")))?;
        Ok(Engine(Arc::new(Shared { wasmtime, options, workflow_linker, activity_linker })))
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    /// What it was made with.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.0.options
    }

    pub(super) fn workflow_linker(&self) -> &Linker<Guest> {
        &self.0.workflow_linker
    }

    pub(super) fn activity_linker(&self) -> &Linker<ActivityGuest> {
        &self.0.activity_linker
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("options", &self.0.options).finish_non_exhaustive()
    }
}

/// Bytes of a fiber's stack beyond the guest's: for the host functions that it calls.
const HOST_STACK_BYTES: usize = 512 * 1024;

/// Mappings that an instance takes, at most, of those that the kernel allows a process: memory, stack and table, each with its guard.
const MAPPINGS_AN_INSTANCE: u32 = 6;

fn config(options: &EngineOptions) -> Config {
    let limits = &options.limits;
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .memory_init_cow(true)
        .memory_reservation(limits.memory_bytes as u64)
        .memory_guard_size(64 * 1024)
        .memory_reservation_for_growth(0)
        .max_wasm_stack(limits.stack_bytes)
        .async_stack_size(limits.stack_bytes + HOST_STACK_BYTES)
        .wasm_backtrace_details(match options.source_lines {
            true => WasmBacktraceDetails::Enable,
            false => WasmBacktraceDetails::Disable,
        })
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)));
    config
}

fn pool(options: &EngineOptions) -> PoolingAllocationConfig {
    let limits = &options.limits;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(options.instances_max)
        .total_core_instances(options.instances_max.saturating_mul(32))
        .total_memories(options.instances_max)
        .total_tables(options.instances_max.saturating_mul(2))
        .total_stacks(options.instances_max)
        .max_core_instances_per_component(count(limits.instances))
        .max_memories_per_component(count(limits.memories))
        .max_tables_per_component(count(limits.tables))
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements);
    pool
}

/// As many as the kernel's bound on mappings lets be, with room for the rest of the process (D17).
fn instances_max() -> u32 {
    const LINUX_DEFAULT: u32 = 65_530;
    let mappings = std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(LINUX_DEFAULT);
    (mappings.saturating_sub(8_000) / MAPPINGS_AN_INSTANCE).clamp(64, 100_000)
}

/// Raises the epoch every tick until the engine is gone.
fn start_ticker(engine: &wasmtime::Engine, tick: Duration) -> std::io::Result<()> {
    let engine = engine.weak();
    let ticker = std::thread::Builder::new().name("sandglass-ticker".into());
    ticker.spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(tick);
        }
    })?;
    Ok(())
}
