//! The `sandglass` command. One file a subcommand; what they do is the host's, through its public API.

mod bench;
mod code;
mod component;
mod config;
mod demo;
mod exit;
mod grants;
mod guests;
mod language;
mod limits;
mod logging;
mod new;
mod outside;
mod payload;
mod replay;
mod run;
mod serve;
mod setup;
mod show;
mod stdout;
mod wit;
mod workflow;

use crate::logging::Logging;
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// A run is many small allocations that one thread makes and another drops, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Durable workflows as WebAssembly components.
#[derive(Parser)]
#[command(name = "sandglass", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(new::New),
    Run(run::Run),
    Serve(serve::Serve),
    Workflow(Box<workflow::Workflow>),
    Replay(replay::Replay),
    /// Look into components, make them, write bindings, and compile ahead of time.
    #[command(subcommand)]
    Component(component::Component),
    Demo(demo::Demo),
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let words = match config::with_file(&Cli::command(), std::env::args_os().collect()) {
        Ok(words) => words,
        Err(error) => return exit::report(&error).into(),
    };
    let cli = Cli::parse_from(words);
    let logging = match &cli.command {
        Command::Serve(serve) => serve.logging().clone(),
        _ => Logging::default(),
    };
    if let Err(error) = logging.start() {
        return exit::report(&error).into();
    }
    let ended = match cli.command {
        Command::New(new) => new.run(),
        Command::Run(run) => run.run(),
        Command::Serve(serve) => serve.run(),
        Command::Workflow(workflow) => workflow.run(),
        Command::Replay(replay) => replay.run(),
        Command::Component(component) => component.run(),
        Command::Demo(demo) => demo.run(),
        Command::Bench(bench) => bench.run(),
    };
    ended.unwrap_or_else(|error| exit::report(&error)).into()
}
