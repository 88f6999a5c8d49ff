//! `sandglass component inspect` and `compile`: what a component is, and compiling it ahead of time.

use crate::code::read;
use crate::exit::{Exit, usage};
use crate::run::Output;
use crate::setup;
use crate::stdout::print;
use anyhow::{Context, Result};
use clap::Args;
use sandglass_host::wasm::{
    ActivityComponent, Engine, EngineOptions, Inspection, RegisterError, WorkflowComponent, World,
    inspect,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Shows what a component is: its world, what made it, what it imports and whether that is offered
#[derive(Args)]
pub(crate) struct Inspect {
    /// The component's file
    component: PathBuf,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Compiles a component into the cache, so that the first run of it starts at once
#[derive(Args)]
pub(crate) struct Compile {
    /// The component's file
    component: PathBuf,
}

fn engine() -> Result<Engine> {
    let options = EngineOptions {
        cache_dir: setup::cache_dir(),
        // Nothing is instantiated here.
        instances_max: 1,
        ..EngineOptions::default()
    };
    Engine::new(options).context("WebAssembly cannot be set up")
}

fn refused(path: &Path, error: &RegisterError) -> anyhow::Error {
    usage(format!("{} is refused: {error}", path.display()))
}

impl Inspect {
    pub(crate) fn run(self) -> Result<Exit> {
        let bytes = read(&self.component)?;
        let engine = engine()?;
        let found = inspect(&engine, &bytes).map_err(|error| refused(&self.component, &error))?;
        let trouble = trouble(&engine, &found, &bytes);
        match self.output {
            Output::Text => print(&text(&found, trouble.as_deref())),
            Output::Json => {
                let object = object(&found, trouble.as_deref());
                print(&serde_json::to_string_pretty(&object)?);
            }
        }
        Ok(Exit::Completed)
    }
}

/// Why it cannot be registered, if it cannot.
fn trouble(engine: &Engine, found: &Inspection, bytes: &[u8]) -> Option<String> {
    let loaded = match found.world {
        World::Activity => ActivityComponent::load(engine, bytes).map(drop),
        _ => WorkflowComponent::load(engine, bytes).map(drop),
    };
    loaded.err().map(|error| error.to_string())
}

fn text(found: &Inspection, trouble: Option<&str>) -> String {
    let mut lines = vec![
        format!("world     {}", found.world),
        format!("digest    {}", found.digest),
        format!("size      {} bytes, {} compiled", found.size, found.compiled_size),
    ];
    lines.extend(
        found
            .producers
            .iter()
            .map(|producer| format!("{:<9} {} {}", producer.role, producer.name, producer.version)),
    );
    lines.push("imports".into());
    lines.extend(found.imports.iter().map(|import| {
        let offered = if import.offered { "" } else { "  (not offered)" };
        format!("  {}{offered}", import.name)
    }));
    lines.push("exports".into());
    lines.extend(found.exports.iter().map(|export| format!("  {export}")));
    lines.push(match trouble {
        Some(trouble) => format!("It cannot be run: {trouble}."),
        None => "It can be run.".into(),
    });
    lines.join("\n")
}

fn object(found: &Inspection, trouble: Option<&str>) -> Value {
    let producers: Vec<Value> = found
        .producers
        .iter()
        .map(|by| json!({"role": by.role, "name": by.name, "version": by.version}))
        .collect();
    let imports: Vec<Value> = found
        .imports
        .iter()
        .map(|import| json!({"name": import.name, "offered": import.offered}))
        .collect();
    json!({
        "world": found.world.to_string(),
        "digest": found.digest,
        "size": found.size,
        "compiledSize": found.compiled_size,
        "producers": producers,
        "imports": imports,
        "exports": found.exports,
        "refused": trouble,
    })
}

impl Compile {
    pub(crate) fn run(self) -> Result<Exit> {
        let bytes = read(&self.component)?;
        let folder = setup::cache_dir().context(
            "there is no folder for compiled components: set HOME or XDG_CACHE_HOME to one",
        )?;
        let engine = engine()?;
        let begun = Instant::now();
        let found = inspect(&engine, &bytes).map_err(|error| refused(&self.component, &error))?;
        print(&format!(
            "{}: {} bytes compiled to {} in {:.0} ms, kept in {}",
            self.component.display(),
            found.size,
            found.compiled_size,
            begun.elapsed().as_secs_f64() * 1e3,
            folder.display()
        ));
        Ok(Exit::Completed)
    }
}
