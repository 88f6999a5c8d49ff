//! History JSON in and out, against every history that was recorded on a real server: also those with events that have no machine here.

use anyhow::{Context, Result};
use sandglass_temporal::{history_from_json, history_to_json};
use sandglass_tests::here;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// All recordings, those for rules that are not built yet included.
fn recordings() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["data/golden", "data/golden/not-built-yet"] {
        for entry in fs::read_dir(here().join(folder)).context(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
    }
    Ok(files)
}

#[test]
fn every_recording_comes_back_as_it_was() -> Result<()> {
    let files = recordings()?;
    assert_eq!(files.len(), 143);
    for path in files {
        let told = || path.display().to_string();
        let text = fs::read_to_string(&path).with_context(told)?;
        // The recordings are Python's, which writes a double as 2.0; the server and its command write 2.
        let theirs: Value = serde_json::from_str(
            &text.replace("\"backoffCoefficient\": 2.0", "\"backoffCoefficient\": 2"),
        )
        .with_context(told)?;
        let history = history_from_json(&text).with_context(told)?;
        let ours = history_to_json(&history).with_context(told)?;
        let (ours, theirs) = (events(&ours), events(&theirs));
        assert_eq!(ours.len(), theirs.len(), "{}", told());
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(ours, theirs, "{}", told());
        }
    }
    Ok(())
}

fn events(history: &Value) -> &Vec<Value> {
    history["events"].as_array().expect("a history has events")
}

/// The names of enums as exports had them before they were those of proto3 JSON.
#[test]
fn every_recording_is_read_with_the_older_names() -> Result<()> {
    for path in recordings()? {
        let told = || path.display().to_string();
        let text = fs::read_to_string(&path).with_context(told)?;
        let mut older: Value = serde_json::from_str(&text)?;
        let renamed = rename(&mut older);
        assert!(renamed > 0, "{} has no enums", told());
        let read = history_from_json(&older.to_string()).with_context(told)?;
        assert_eq!(read, history_from_json(&text)?, "{}", told());
    }
    Ok(())
}

/// `EVENT_TYPE_TIMER_FIRED` to `TimerFired`, wherever one stands; how many there were.
fn rename(json: &mut Value) -> usize {
    const PREFIXES: [&str; 9] = [
        "EVENT_TYPE_",
        "TASK_QUEUE_KIND_",
        "RETRY_STATE_",
        "TIMEOUT_TYPE_",
        "WORKFLOW_TASK_FAILED_CAUSE_",
        "PARENT_CLOSE_POLICY_",
        "WORKFLOW_ID_REUSE_POLICY_",
        "CONTINUE_AS_NEW_INITIATOR_",
        "START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_",
    ];
    match json {
        Value::Object(fields) => fields.values_mut().map(rename).sum(),
        Value::Array(values) => values.iter_mut().map(rename).sum(),
        Value::String(name) => {
            let short = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
            let Some(short) = short else { return 0 };
            let words = short.split('_').map(|word| {
                let (first, rest) = word.split_at(1);
                format!("{first}{}", rest.to_lowercase())
            });
            *name = words.collect();
            1
        }
        _ => 0,
    }
}
