//! `sandglass bench`: how fast, and how much memory. Each section runs in a process of its own, so that none sees another's memory.

mod commit;
mod interrupts;
mod load;
mod machine;
mod measure;
mod memory;
mod replay;
mod table;

use crate::exit::Exit;
use crate::guests::Guests;
use crate::run::Output;
use crate::setup;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Measures speed and memory on this machine, and says which goals are reached.
///
/// A release build is needed for figures that mean something.
#[derive(Args)]
pub(crate) struct Bench {
    /// How to print the figures
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    /// Fewer rounds, and fewer workflows in each: a first impression
    #[arg(long)]
    quick: bool,
    /// The folder for the databases, which decides the disk [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    db: Option<PathBuf>,
    /// Only that section, in this process
    #[arg(long, value_enum)]
    section: Option<Section>,
}

/// What is measured in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    /// A bare commit, and one workflow at a time
    Alone,
    /// Many empty workflows at once
    Empty,
    /// Many workflows with ten activities at once
    Activities,
    /// Cancel and terminate
    Interrupts,
    /// Replayed events
    Replay,
    /// Parked guests
    Parked,
    /// A hundred thousand open workflows
    Open,
}

const SECTIONS: [Section; 7] = [
    Section::Alone,
    Section::Empty,
    Section::Activities,
    Section::Interrupts,
    Section::Replay,
    Section::Parked,
    Section::Open,
];

/// What a section works with.
struct Setting {
    guests: Guests,
    /// Empties itself at the end.
    folder: tempfile::TempDir,
    quick: bool,
}

impl Setting {
    /// A database that is not there yet.
    fn database(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}-{}.db", uuid::Uuid::new_v4().simple()))
    }

    /// So many, or fewer if it has to be quick.
    fn count(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }

    fn rounds(&self) -> usize {
        if self.quick { 1 } else { 5 }
    }
}

/// Figures by their keys.
type Figures = Map<String, Value>;

impl Bench {
    pub(crate) fn run(self) -> Result<Exit> {
        let folder = self.db.clone().unwrap_or_else(std::env::temp_dir);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        let guests = Guests::build(&[
            "bench-empty",
            "bench-ten-activities",
            "bench-endless-loop",
            "cancellation",
        ])?;
        match self.section {
            Some(section) => {
                let folder = tempfile::tempdir_in(&folder)
                    .with_context(|| format!("{} cannot be written to", folder.display()))?;
                let setting = Setting { guests, folder, quick: self.quick };
                let figures = section.measure(&setting)?;
                println!("{}", serde_json::to_string(&figures)?);
            }
            None => self.all(&folder)?,
        }
        Ok(Exit::Completed)
    }

    fn all(&self, folder: &Path) -> Result<()> {
        let mut figures = Figures::new();
        for section in SECTIONS {
            eprintln!("measuring: {}", section.name());
            figures.extend(self.in_its_process(section, folder)?);
        }
        let machine = machine::describe(folder);
        match self.output {
            Output::Text => print!("{}", table::text(&figures, &machine)),
            Output::Json => {
                figures.insert("machine".into(), machine);
                figures.insert("quick".into(), self.quick.into());
                println!("{}", serde_json::to_string_pretty(&figures)?);
            }
        }
        Ok(())
    }

    fn in_its_process(&self, section: Section, folder: &Path) -> Result<Figures> {
        let this = std::env::current_exe().context("this program does not find itself")?;
        let mut command = Command::new(this);
        command.args(["bench", "--output", "json", "--section", &section.name()]);
        command.arg("--db").arg(folder).stderr(Stdio::inherit());
        if self.quick {
            command.arg("--quick");
        }
        let output = command.output().context("this program cannot call itself")?;
        if !output.status.success() {
            bail!("the section {} ended with {}", section.name(), output.status);
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the section {} did not print its figures", section.name()))
    }
}

impl Section {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn measure(self, setting: &Setting) -> Result<Figures> {
        let runtime = setup::runtime()?;
        let mut figures = Figures::new();
        match self {
            Section::Alone => runtime.block_on(commit::alone(setting, &mut figures))?,
            Section::Empty => runtime.block_on(load::empty(setting, &mut figures))?,
            Section::Activities => runtime.block_on(load::ten_activities(setting, &mut figures))?,
            Section::Interrupts => runtime.block_on(interrupts::measure(setting, &mut figures))?,
            Section::Replay => runtime.block_on(replay::measure(setting, &mut figures))?,
            Section::Parked => runtime.block_on(memory::parked(setting, &mut figures))?,
            Section::Open => runtime.block_on(memory::open(setting, &mut figures))?,
        }
        Ok(figures)
    }
}
