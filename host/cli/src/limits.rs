//! The bounds of guests as options of every subcommand that runs some, named as in the host. What each bound means is the host's.

use crate::setup;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use sandglass_host::wasm::{EngineOptions, Limits};
use sandglass_host::{HostBuilder, HostOptions};
use std::fmt;
use std::time::Duration;

pub(crate) const KIB: usize = 1024;
pub(crate) const MIB: usize = 1024 * KIB;
const GIB: usize = 1024 * MIB;

/// What a guest may take up. One that takes more fails its workflow task, which is tried again.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits of guests")]
pub(crate) struct GuestLimits {
    #[command(flatten)]
    bounds: GuestBounds,
    /// How long a workflow task may take, from its start to its answer
    #[arg(long, value_name = "TIME", default_value_t = Time(HostOptions::default().run.workflow_task_timeout_default), value_parser = task_timeout)]
    workflow_task_timeout: Time,
    /// Threads for guests; as many as cores, if not given
    #[arg(long, value_name = "NUMBER", value_parser = number(1, 1_024))]
    guest_threads: Option<usize>,
}

/// What one instance may take up, also in a replay without a host.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits of guests")]
pub(crate) struct GuestBounds {
    /// Bytes of each memory of a guest (limit memory_bytes)
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().memory_bytes), value_parser = memory)]
    guest_memory: Size,
    /// Elements of each table of a guest (limit table_elements)
    #[arg(long, value_name = "NUMBER", default_value_t = defaults().table_elements, value_parser = number(1, 10_000_000))]
    guest_table_elements: usize,
    /// Bytes of a guest's stack (limit stack_bytes)
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().stack_bytes), value_parser = stack)]
    guest_stack: Size,
    /// Bytes that a workflow task may log, stdout and stderr included (limit log_bytes)
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().log_bytes), value_parser = size)]
    guest_log_bytes: Size,
    /// Lines that a workflow task may log (limit log_lines)
    #[arg(long, value_name = "NUMBER", default_value_t = defaults().log_lines, value_parser = number(0, u32::MAX.into()))]
    guest_log_lines: usize,
    /// How long a guest may compute without waiting for anything (limit deadlock_timeout)
    #[arg(long, value_name = "TIME", default_value_t = Time(defaults().deadlock_timeout), value_parser = time)]
    deadlock_timeout: Time,
}

impl GuestBounds {
    /// Those options with these bounds.
    pub(crate) fn engine(&self, wasm: EngineOptions) -> EngineOptions {
        let limits = Limits {
            memory_bytes: self.guest_memory.0,
            table_elements: self.guest_table_elements,
            stack_bytes: self.guest_stack.0,
            log_bytes: self.guest_log_bytes.0,
            log_lines: self.guest_log_lines,
            deadlock_timeout: self.deadlock_timeout.0,
            ..wasm.limits
        };
        EngineOptions { limits, ..wasm }
    }
}

impl GuestLimits {
    /// A host's options with these bounds. What else is to be set of them has to come afterwards.
    pub(crate) fn bound(&self, builder: HostBuilder, wasm: EngineOptions) -> HostBuilder {
        let mut options = HostOptions::default();
        options.run.workflow_task_timeout_default = self.workflow_task_timeout.0;
        let builder = builder.wasm(self.bounds.engine(wasm)).options(options);
        match self.guest_threads {
            Some(threads) => builder.guest_threads(threads),
            None => builder,
        }
    }
}

fn defaults() -> Limits {
    Limits::default()
}

/// A number of bytes, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
        match unit.iter().find(|(unit, _)| self.0 != 0 && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// A duration, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{}s", self.0.as_secs()),
            _ => write!(f, "{}ms", self.0.as_millis()),
        }
    }
}

/// Reads `65536B`, `64KiB`, `256MiB` or `1GiB`.
pub(crate) fn size(text: &str) -> Result<Size, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "B" => 1,
        "KiB" => KIB,
        "MiB" => MIB,
        "GiB" => GIB,
        _ => return Err("write a number and its unit, like 512KiB, 256MiB or 1GiB".into()),
    };
    let number: usize = digits.parse().map_err(|_| format!("{digits:?} is no whole number"))?;
    number.checked_mul(unit).map(Size).ok_or_else(|| "it is too much".into())
}

/// Memories grow by pages, and 32 bits address them.
fn memory(text: &str) -> Result<Size, String> {
    let size = within(size(text)?, Size(64 * KIB), Size(4 * GIB))?;
    match size.0.is_multiple_of(64 * KIB) {
        true => Ok(size),
        false => Err("a memory is made of pages of 64KiB: write a multiple of that".into()),
    }
}

fn stack(text: &str) -> Result<Size, String> {
    within(size(text)?, Size(64 * KIB), Size(64 * MIB))
}

pub(crate) fn within(size: Size, min: Size, max: Size) -> Result<Size, String> {
    match (min.0..=max.0).contains(&size.0) {
        true => Ok(size),
        false => Err(format!("it has to be from {min} to {max}")),
    }
}

pub(crate) fn time(text: &str) -> Result<Time, String> {
    setup::duration(text).map(Time)
}

fn task_timeout(text: &str) -> Result<Time, String> {
    let (time, max) = (time(text)?, Time(HostOptions::default().run.workflow_task_timeout_max));
    if time.0 > max.0 { Err(format!("it can be {max} at most")) } else { Ok(time) }
}

pub(crate) fn number(min: u64, max: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(min..=max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("65536B", 64 * KIB), ("64KiB", 64 * KIB), ("4GiB", 4 * GIB)] {
            assert_eq!(size(text), Ok(Size(bytes)), "{text}");
        }
        for wrong in ["", "5", "MiB", "-1MiB", "1.5MiB", "1MB", "99999999999999GiB"] {
            assert!(size(wrong).is_err(), "{wrong} was taken");
        }
        for text in ["1GiB", "256MiB", "1025KiB", "7B", "0B"] {
            assert_eq!(size(text).unwrap().to_string(), text);
        }
        for wrong in ["0B", "32KiB", "65537B", "5GiB"] {
            assert!(memory(wrong).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn defaults_can_be_written_as_they_are_shown() {
        let defaults = defaults();
        assert_eq!(memory(&Size(defaults.memory_bytes).to_string()).unwrap().0, 256 * MIB);
        assert_eq!(stack(&Size(defaults.stack_bytes).to_string()).unwrap().0, MIB);
        let timeout = Time(defaults.deadlock_timeout);
        assert_eq!(time(&timeout.to_string()), Ok(timeout));
        assert_eq!(Time(Duration::from_millis(1_500)).to_string(), "1500ms");
    }
}
