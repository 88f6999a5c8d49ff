//! What is refused when a component is registered, what is said about it, what is kept of it on disk, and what `inspect` tells.

use sandglass_host::wasm::{
    ActivityComponent, Engine, EngineOptions, RegisterError, WorkflowComponent, World, inspect,
};
use sandglass_tests::guest;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn engine(cache_dir: Option<PathBuf>) -> Engine {
    Engine::new(EngineOptions { cache_dir, instances_max: 16, ..EngineOptions::default() }).unwrap()
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(guest(name)).unwrap()
}

fn refused(name: &str) -> RegisterError {
    WorkflowComponent::load(&engine(None), &bytes(name)).unwrap_err()
}

#[test]
fn what_is_no_workflow_is_refused_with_the_reason() {
    let garbage = WorkflowComponent::load(&engine(None), b"#!/bin/sh\n").unwrap_err();
    assert_eq!(garbage, RegisterError::NotWasm);
    let mut cut = bytes("timer");
    cut.truncate(cut.len() / 2);
    let cut = WorkflowComponent::load(&engine(None), &cut).unwrap_err();
    assert!(matches!(cut, RegisterError::Invalid(_)), "{cut}");
    assert_eq!(refused("core-module"), RegisterError::CoreModule);
    assert!(matches!(refused("missing-run"), RegisterError::MissingRun(_)));
    let foreign = refused("foreign-import");
    assert_eq!(
        foreign,
        RegisterError::NotOffered { wanted: "a workflow", imports: vec!["foo:bar/baz".into()] }
    );
    assert!(foreign.to_string().contains("foo:bar/baz"));
    assert_eq!(refused("queryable"), RegisterError::QueryNotServed);
    let activity = refused("greeting-activity");
    assert!(activity.to_string().starts_with("it is an activity, not a workflow"), "{activity}");
}

#[test]
fn a_workflow_is_no_activity() {
    let engine = engine(None);
    let refused = ActivityComponent::load(&engine, &bytes("timer")).unwrap_err();
    assert!(refused.to_string().contains("sandglass:workflow/timers"), "{refused}");
    ActivityComponent::load(&engine, &bytes("greeting-activity")).unwrap();
}

#[test]
fn inspect_tells_what_a_component_is() {
    let engine = engine(None);
    let timer = inspect(&engine, &bytes("timer")).unwrap();
    assert_eq!(timer.world, World::Workflow);
    assert!(timer.imports.iter().all(|import| import.offered), "{:?}", timer.imports);
    assert!(timer.exports.contains(&"run".to_owned()), "{:?}", timer.exports);
    assert!(timer.producers.iter().any(|it| it.role == "language" && it.name == "Rust"));
    assert!(timer.compiled_size > 0 && timer.size > 0);
    let foreign = inspect(&engine, &bytes("foreign-import")).unwrap();
    let baz = foreign.imports.iter().find(|import| import.name == "foo:bar/baz").unwrap();
    assert!(!baz.offered);
    let activity = inspect(&engine, &bytes("greeting-activity")).unwrap();
    assert_eq!(activity.world, World::Activity);
}

#[test]
fn compiled_components_are_kept_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    let timer = bytes("timer");
    let load = || WorkflowComponent::load(&engine(Some(cache.clone())), &timer).unwrap();
    load();
    assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
    let compiled = only(&cache, "cwasm");
    let written = fs::metadata(&compiled).unwrap().modified().unwrap();
    load();
    assert_eq!(fs::metadata(&compiled).unwrap().modified().unwrap(), written);
    // Code that was tampered with is not run, but compiled again.
    let mut tampered = fs::read(&compiled).unwrap();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    fs::write(&compiled, &tampered).unwrap();
    load();
    assert_ne!(fs::read(&compiled).unwrap(), tampered);
}

#[test]
fn a_folder_that_others_can_enter_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    WorkflowComponent::load(&engine(Some(folder.path().into())), &bytes("timer")).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn only(folder: &Path, extension: &str) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found = files.filter(|file| file.extension().is_some_and(|it| it == extension));
    let first = found.next().unwrap();
    assert!(found.next().is_none());
    first
}
