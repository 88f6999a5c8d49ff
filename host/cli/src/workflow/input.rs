//! Arguments of workflows, signals and queries, from flags and files.

use crate::exit::usage;
use base64::prelude::{BASE64_STANDARD, Engine};
use clap::Args;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use temporalio_protos::temporal::api::common::v1::{Header, Payload, Payloads};

/// Arguments.
#[derive(Args)]
pub(super) struct Input {
    /// An argument, as JSON; can be repeated.
    #[arg(short, long, value_name = "JSON", allow_hyphen_values = true)]
    input: Vec<String>,
    /// A file with an argument, as JSON; can be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    input_file: Vec<PathBuf>,
    /// Arguments are in base64.
    #[arg(long)]
    input_base64: bool,
    /// Metadata of the arguments, as KEY=VALUE; `encoding` stands in for `json/plain`. Repeated keys are for the arguments in turn.
    #[arg(long, value_name = "KEY=VALUE")]
    input_meta: Vec<String>,
}

/// Arguments of the signal that a workflow is started with.
#[derive(Args)]
pub(super) struct SignalInput {
    /// An argument of the signal, as JSON; can be repeated.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    signal_input: Vec<String>,
    /// A file with an argument of the signal, as JSON; can be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "signal_input")]
    signal_input_file: Vec<PathBuf>,
    /// Arguments of the signal are in base64.
    #[arg(long)]
    signal_input_base64: bool,
    /// Metadata of the signal's arguments, as KEY=VALUE.
    #[arg(long, value_name = "KEY=VALUE")]
    signal_input_meta: Vec<String>,
}

impl Input {
    /// The arguments; none if none is given.
    pub(super) fn payloads(&self) -> anyhow::Result<Option<Payloads>> {
        let given = Given {
            name: "input",
            texts: &self.input,
            files: &self.input_file,
            is_base64: self.input_base64,
            metadata: input_metadata("--input-meta", &self.input_meta)?,
        };
        given.payloads()
    }
}

impl SignalInput {
    /// The arguments; none if none is given.
    pub(super) fn payloads(&self) -> anyhow::Result<Option<Payloads>> {
        let given = Given {
            name: "signal input",
            texts: &self.signal_input,
            files: &self.signal_input_file,
            is_base64: self.signal_input_base64,
            metadata: input_metadata("--signal-input-meta", &self.signal_input_meta)?,
        };
        given.payloads()
    }
}

/// Arguments as flags give them.
struct Given<'a> {
    name: &'static str,
    texts: &'a [String],
    files: &'a [PathBuf],
    is_base64: bool,
    metadata: HashMap<String, Vec<String>>,
}

impl Given<'_> {
    fn payloads(&self) -> anyhow::Result<Option<Payloads>> {
        let mut texts: Vec<Vec<u8>> = self.texts.iter().map(|it| it.clone().into_bytes()).collect();
        for path in self.files {
            let read = fs::read(path);
            texts.push(read.map_err(|error| usage(format!("{}: {error}", path.display())))?);
        }
        let payloads: anyhow::Result<Vec<Payload>> = texts
            .into_iter()
            .enumerate()
            .map(|(number, text)| self.payload(number, text))
            .collect();
        let payloads = payloads?;
        Ok((!payloads.is_empty()).then_some(Payloads { payloads }))
    }

    fn payload(&self, number: usize, text: Vec<u8>) -> anyhow::Result<Payload> {
        let wrong =
            |what: &str| usage(format!("{} #{} is not valid {what}", self.name, number + 1));
        let data = if self.is_base64 {
            let text = String::from_utf8_lossy(&text);
            BASE64_STANDARD.decode(text.trim()).map_err(|_| wrong("base64"))?
        } else {
            text
        };
        let mut metadata = HashMap::from([("encoding".to_owned(), b"json/plain".to_vec())]);
        for (key, values) in &self.metadata {
            if let Some(value) = values.get(number).or(values.last()) {
                metadata.insert(key.clone(), value.clone().into_bytes());
            }
        }
        let is_json = metadata["encoding"].starts_with(b"json/");
        if is_json && serde_json::from_slice::<serde_json::Value>(&data).is_err() {
            return Err(wrong("JSON"));
        }
        Ok(Payload { metadata, data, ..Payload::default() })
    }
}

fn input_metadata(flag: &str, given: &[String]) -> anyhow::Result<HashMap<String, Vec<String>>> {
    let mut metadata = HashMap::<String, Vec<String>>::new();
    for (key, value) in pairs(flag, given)? {
        metadata.entry(key).or_default().push(value);
    }
    Ok(metadata)
}

/// Splits KEY=VALUE.
pub(super) fn pairs(flag: &str, given: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let split = |pair: &String| {
        let pair = pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        pair.filter(|(key, _)| !key.is_empty())
    };
    given
        .iter()
        .map(|it| split(it).ok_or_else(|| usage(format!("{flag} {it:?} is not KEY=VALUE"))))
        .collect()
}

/// KEY=JSON pairs as fields.
pub(super) fn fields(flag: &str, given: &[String]) -> anyhow::Result<HashMap<String, Payload>> {
    let field = |(key, text): (String, String)| {
        if serde_json::from_str::<serde_json::Value>(&text).is_err() {
            return Err(usage(format!("{flag} {key}: the value is not valid JSON: {text}")));
        }
        Ok((key, json(text.into_bytes())))
    };
    pairs(flag, given)?.into_iter().map(field).collect()
}

/// Headers of a workflow, a signal or a query; not those of requests.
pub(super) fn header(given: &[String]) -> anyhow::Result<Option<Header>> {
    let fields = fields("--headers", given)?;
    Ok((!fields.is_empty()).then_some(Header { fields }))
}

/// A text as a payload.
pub(super) fn string(text: &str) -> Payload {
    json(serde_json::Value::from(text).to_string().into_bytes())
}

fn json(data: Vec<u8>) -> Payload {
    let metadata = HashMap::from([("encoding".to_owned(), b"json/plain".to_vec())]);
    Payload { metadata, data, ..Payload::default() }
}
