//! What the host and its guests log, on stderr: how much of it, and in which format.
//!
//! A log line is one line, whatever stands in it: much of it comes from guests and from clients.

use crate::exit::usage;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::fmt::{self, Write};
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// What is logged, and how.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Log")]
pub(crate) struct Logging {
    /// How lines are written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    log_format: LogFormat,
    /// What is logged: a level, or as RUST_LOG, like `warn,sandglass::guest=debug` [default: RUST_LOG, or warn]
    #[arg(long, value_name = "FILTER")]
    log_level: Option<String>,
}

impl Logging {
    /// Begins to log. To be called once.
    pub(crate) fn start(&self) -> Result<()> {
        let filter = match &self.log_level {
            Some(words) => {
                if let Some(word) = words.split(',').find(|word| is_no_level(word)) {
                    return Err(usage(format!(
                        "--log-level {words}: {word:?} is no level: write off, error, warn, info, debug or trace, or TARGET=LEVEL"
                    )));
                }
                EnvFilter::try_new(words)
                    .map_err(|error| usage(format!("--log-level {words}: {error}")))?
            }
            None => EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()),
        };
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => log.fmt_fields(debug_fn(field).delimited(" ")).init(),
            LogFormat::Json => log.json().flatten_event(true).init(),
        }
        Ok(())
    }
}

/// Whether a part of a filter is a single word that is no level. The filter would take it for a target, of which everything is logged and
/// nothing else.
fn is_no_level(word: &str) -> bool {
    let word = word.trim();
    let is_word = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    word.is_empty() || (is_word && word.parse::<LevelFilter>().is_err())
}

fn field(out: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(out, "{}=", field.name())?;
    }
    write!(OneLine(out), "{value:?}")
}

/// Writes control characters so that they neither end the line nor reach a terminal as such.
struct OneLine<'a, 'b>(&'a mut Writer<'b>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            // The separators of lines and paragraphs, and what turns the direction of text, are no control characters.
            let is_hidden =
                c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            match is_hidden {
                true => write!(self.0, "{}", c.escape_default())?,
                false => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_alone_is_a_level() {
        for word in ["", "infoo", "sandglass", "6"] {
            assert!(is_no_level(word), "{word}");
        }
        for word in ["info", "WARN", " off", "0", "sandglass=info", "sandglass::guest", "[span]"] {
            assert!(!is_no_level(word), "{word}");
        }
    }

    #[test]
    fn a_line_is_one_line_whatever_stands_in_it() {
        let mut text = String::new();
        let hostile = "done\n2026-01-01 ERROR forged\r\x1b[2J\u{2028}\u{202e}é";
        write!(OneLine(&mut Writer::new(&mut text)), "{hostile}").unwrap();
        assert_eq!(text, r"done\n2026-01-01 ERROR forged\r\u{1b}[2J\u{2028}\u{202e}é");
    }
}
