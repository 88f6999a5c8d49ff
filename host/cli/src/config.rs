//! Options of `serve` that stand in a file: the same names, and what is said on the command line wins.
//!
//! The options themselves are the only list of names: what is not one of them is refused.

use crate::exit::usage;
use anyhow::Result;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Command};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The words of the command line, with what stands in the file that `--config` names.
pub(crate) fn with_file(command: &Command, words: Vec<OsString>) -> Result<Vec<OsString>> {
    // What is wrong with the words is said when they are read for good.
    let Ok(matches) = command.clone().ignore_errors(true).try_get_matches_from(&words) else {
        return Ok(words);
    };
    let Some(("serve", given)) = matches.subcommand() else { return Ok(words) };
    let (Some(serve), Ok(Some(path))) =
        (command.find_subcommand("serve"), given.try_get_one::<PathBuf>("config"))
    else {
        return Ok(words);
    };
    let is_given =
        |arg: &Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let Some(at) = words.iter().position(|word| word == "serve") else { return Ok(words) };
    let mut all = words[..=at].to_vec();
    all.extend(read(serve, path, is_given)?);
    all.extend_from_slice(&words[at + 1..]);
    Ok(all)
}

fn read(serve: &Command, path: &Path, is_given: impl Fn(&Arg) -> bool) -> Result<Vec<OsString>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| usage(format!("--config {shown} cannot be read: {error}")))?;
    let table = DeTable::parse(&text).map_err(|error| usage(format!("{shown}: {error}")))?;
    let mut words = Vec::new();
    for (key, value) in table.get_ref() {
        let line = text[..key.span().start].matches('\n').count() + 1;
        let name = key.get_ref();
        let wrong = |why: String| usage(format!("{shown}, line {line}: {name}: {why}"));
        let arg = serve
            .get_arguments()
            .find(|arg| arg.get_long() == Some(name) && name != "config")
            .ok_or_else(|| wrong("there is no such option".into()))?;
        let said = said(arg, value.get_ref()).map_err(|why| wrong(why.into()))?;
        check(serve, &said).map_err(wrong)?;
        if !is_given(arg) {
            words.extend(said.into_iter().map(OsString::from));
        }
    }
    Ok(words)
}

/// The option as it would be said on the command line.
fn said(arg: &Arg, value: &DeValue<'_>) -> Result<Vec<String>, &'static str> {
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    let with = |value: &str| format!("{flag}={value}");
    match (arg.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(true)) => Ok(vec![flag]),
        (ArgAction::SetTrue, DeValue::Boolean(false)) => Ok(Vec::new()),
        (ArgAction::SetTrue, _) => Err("write true or false"),
        (_, DeValue::String(text)) => Ok(vec![with(text)]),
        (ArgAction::Set, DeValue::Integer(number)) => Ok(vec![with(number.as_str())]),
        (ArgAction::Append, DeValue::Array(values)) => values
            .iter()
            .map(|value| value.get_ref().as_str().map(with).ok_or("write texts in the list"))
            .collect(),
        (ArgAction::Append, _) => Err("write a text, or a list of texts"),
        _ => Err("write a text or a whole number"),
    }
}

/// Whether these words can stand alone, but for what they need beside them.
fn check(serve: &Command, said: &[String]) -> Result<(), String> {
    let words = ["serve".to_owned()].into_iter().chain(said.iter().cloned());
    match serve.clone().try_get_matches_from(words) {
        Err(error)
            if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) =>
        {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(first.trim_start_matches("error: ").to_owned())
        }
        _ => Ok(()),
    }
}
