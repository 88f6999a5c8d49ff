//! The core's codec, held against Temporal's published descriptors (`data/descriptors`): field
//! numbers, enum numbers, names in JSON, and that nothing of a history from elsewhere is lost.

mod random;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use bytes::Bytes;
use expect_test::expect_file;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage,
};
use sandglass_core::event::Attributes;
use sandglass_core::event::workflow_task::FailedCause;
use sandglass_core::failure::{ApplicationErrorCategory, RetryState, TimeoutType};
use sandglass_core::payload::TaskQueueKind;
use sandglass_core::policy::{
    ContinueAsNewInitiator, WorkflowExecutionStatus, WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
};
use sandglass_core::{Failure, HistoryEvent};
use sandglass_tests::golden::{golden_json, golden_names};
use serde_json::Value;

use random::Random;

const SEEDS: u64 = 60;

fn pool() -> DescriptorPool {
    let path = sandglass_tests::here().join("data/descriptors/history.binpb");
    let bytes = fs::read(path).expect("the descriptors can be read");
    DescriptorPool::decode(bytes.as_slice()).expect("they are descriptors")
}

fn history_event() -> MessageDescriptor {
    pool().get_message_by_name("temporal.api.history.v1.HistoryEvent").expect("events are there")
}

/// The fields of `HistoryEvent` that hold attributes, one a type of event.
fn attribute_fields() -> Vec<FieldDescriptor> {
    let fields: Vec<_> =
        history_event().fields().filter(|field| field.containing_oneof().is_some()).collect();
    assert!(fields.len() > 50, "only {} types of events", fields.len());
    fields
}

/// Ours, from their bytes.
fn ours(theirs: &DynamicMessage) -> Result<HistoryEvent> {
    HistoryEvent::from_bytes(&Bytes::from(theirs.encode_to_vec())).context("our codec")
}

#[test]
fn every_event_comes_back_as_it_was() -> Result<()> {
    for field in attribute_fields() {
        for seed in 0..SEEDS {
            let event = Random::new(seed).event(&field);
            let told = || format!("{} of seed {seed}", field.name());
            let back = ours(&event).with_context(told)?.to_bytes();
            let back = DynamicMessage::decode(event.descriptor(), back).with_context(told)?;
            // Encoded once more, so that what is set to its default is the same as what is not set.
            let event =
                DynamicMessage::decode(event.descriptor(), event.encode_to_vec().as_slice())?;
            assert_eq!(back, event, "{}", told());
        }
    }
    Ok(())
}

#[test]
fn every_event_is_shown_as_temporal_shows_it() -> Result<()> {
    let mut unnamed = BTreeSet::new();
    for field in attribute_fields() {
        for seed in 0..SEEDS {
            let event = Random::new(seed).event(&field);
            let told = || format!("{} of seed {seed}", field.name());
            let event_of_ours = ours(&event).with_context(told)?;
            if matches!(event_of_ours.attributes, Attributes::Other(_)) {
                unnamed.insert(format!("{} (a type that has no machine)", field.full_name()));
                continue;
            }
            let (left, right) =
                (serde_json::to_value(&event_of_ours)?, serde_json::to_value(&event)?);
            compare(&event.descriptor(), &left, &right, &mut unnamed).with_context(told)?;
        }
    }
    let unnamed: String = unnamed.iter().map(|name| format!("{name}\n")).collect();
    // What is kept as bytes, and not shown. A field that gets a name disappears here.
    expect_file!["../../data/descriptors/unnamed.txt"].assert_eq(&unnamed);
    Ok(())
}

#[test]
fn recorded_histories_are_shown_as_they_were_recorded() -> Result<()> {
    let (desc, mut unnamed) = (history_event(), BTreeSet::new());
    for name in golden_names() {
        let history = golden_json(&name)?;
        for recorded in history["events"].as_array().context("a history has events")? {
            let told = || format!("{name}: {recorded}");
            let theirs = DynamicMessage::deserialize(desc.clone(), recorded).with_context(told)?;
            let event = ours(&theirs).with_context(told)?;
            assert!(!matches!(event.attributes, Attributes::Other(_)), "{}", told());
            let shown = serde_json::to_value(&event)?;
            compare(&desc, &shown, recorded, &mut unnamed).with_context(told)?;
        }
    }
    Ok(())
}

/// Ours must say what theirs says, except for fields that have no name in the core, which are
/// collected.
fn compare(
    desc: &MessageDescriptor,
    ours: &Value,
    theirs: &Value,
    unnamed: &mut BTreeSet<String>,
) -> Result<()> {
    let (Value::Object(left), Value::Object(right)) = (ours, theirs) else {
        // Times and durations.
        anyhow::ensure!(ours == theirs, "{}: {ours} is not {theirs}", desc.full_name());
        return Ok(());
    };
    for key in left.keys() {
        anyhow::ensure!(right.contains_key(key), "{} has no {key}", desc.full_name());
    }
    for (key, theirs) in right {
        let field = desc.get_field_by_json_name(key);
        let field = field.with_context(|| format!("{} has no {key}", desc.full_name()))?;
        match left.get(key) {
            None => {
                unnamed.insert(field.full_name().to_owned());
            }
            Some(ours) => compare_field(&field, ours, theirs, unnamed)?,
        }
    }
    Ok(())
}

fn compare_field(
    field: &FieldDescriptor,
    ours: &Value,
    theirs: &Value,
    unnamed: &mut BTreeSet<String>,
) -> Result<()> {
    let kind = match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    };
    let pairs: Vec<(&Value, &Value)> = match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) if field.is_map() => {
            anyhow::ensure!(left.keys().eq(right.keys()), "{}: other keys", field.full_name());
            left.values().zip(right.values()).collect()
        }
        (Value::Array(left), Value::Array(right)) => {
            anyhow::ensure!(left.len() == right.len(), "{}: other length", field.full_name());
            left.iter().zip(right).collect()
        }
        pair => vec![pair],
    };
    for (ours, theirs) in pairs {
        match &kind {
            Kind::Message(desc) => compare(desc, ours, theirs, unnamed)?,
            // `2` and `2.0` are one number.
            Kind::Double => anyhow::ensure!(ours.as_f64() == theirs.as_f64(), "{ours} {theirs}"),
            Kind::Float => anyhow::ensure!(
                ours.as_f64().map(|it| it as f32) == theirs.as_f64().map(|it| it as f32),
                "{}: {ours} is not {theirs}",
                field.full_name()
            ),
            _ => anyhow::ensure!(ours == theirs, "{}: {ours} is not {theirs}", field.full_name()),
        }
    }
    Ok(())
}

#[test]
fn every_number_of_an_enum_has_its_name() {
    macro_rules! check {
        ($($ours:ident = $theirs:literal, $prefix:literal, shown: $shown:literal;)*) => {$(
            let desc = pool().get_enum_by_name(concat!("temporal.api.enums.v1.", $theirs));
            let desc = desc.expect(concat!($theirs, " is there"));
            for number in -1..1_000 {
                let value = $ours::from_number(number);
                assert_eq!(value.number(), number);
                let published = desc.get_value(number);
                let name = published.as_ref().map(|it| it.name().trim_start_matches($prefix));
                match value {
                    // What no history holds may stay without a name.
                    $ours::Unknown(_) if !$shown => {}
                    $ours::Unknown(_) => assert_eq!(name, None, "{number} has no name in the core"),
                    known => assert_eq!(Some(known.name()), name, "{number} of {}", $theirs),
                }
            }
        )*};
    }
    check! {
        RetryState = "RetryState", "RETRY_STATE_", shown: true;
        TimeoutType = "TimeoutType", "TIMEOUT_TYPE_", shown: true;
        ApplicationErrorCategory = "ApplicationErrorCategory", "APPLICATION_ERROR_CATEGORY_", shown: true;
        ContinueAsNewInitiator = "ContinueAsNewInitiator", "CONTINUE_AS_NEW_INITIATOR_", shown: true;
        FailedCause = "WorkflowTaskFailedCause", "WORKFLOW_TASK_FAILED_CAUSE_", shown: true;
        TaskQueueKind = "TaskQueueKind", "TASK_QUEUE_KIND_", shown: true;
        WorkflowIdReusePolicy = "WorkflowIdReusePolicy", "WORKFLOW_ID_REUSE_POLICY_", shown: false;
        WorkflowIdConflictPolicy = "WorkflowIdConflictPolicy", "WORKFLOW_ID_CONFLICT_POLICY_", shown: false;
        WorkflowExecutionStatus = "WorkflowExecutionStatus", "WORKFLOW_EXECUTION_STATUS_", shown: false;
    }
}

#[test]
fn types_of_events_have_temporals_numbers() -> Result<()> {
    for field in attribute_fields() {
        let event = Random::new(1).event(&field);
        let ours = ours(&event)?;
        let number = event.get_field_by_name("event_type").and_then(|it| it.as_enum_number());
        assert_eq!(Some(ours.attributes.event_type()), number, "{}", field.name());
    }
    Ok(())
}

#[test]
fn a_failure_comes_back_with_all_its_causes() -> Result<()> {
    let root = Failure::application("root", "Root", true);
    let mut failure = Failure { cause: Some(root.into()), ..Failure::default() };
    failure.message = "middle".into();
    let failure =
        Failure { cause: Some(failure.into()), ..Failure::application("top", "Top", false) };
    let bytes = sandglass_core::proto::Message::to_bytes(&failure);
    let desc = pool().get_message_by_name("temporal.api.failure.v1.Failure").context("failures")?;
    let theirs = serde_json::to_value(DynamicMessage::decode(desc, bytes)?)?;
    assert_eq!(theirs["cause"]["cause"]["applicationFailureInfo"]["type"], "Root");
    assert_eq!(serde_json::to_value(&failure)?, theirs);
    Ok(())
}
