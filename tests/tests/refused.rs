//! Components that a host refuses when it is started, and why it says that it does.

use sandglass_host::Host;
use sandglass_tests::guest;

async fn refusal(name: &str) -> String {
    match Host::builder().in_memory().component_file("it", guest(name)).start().await {
        Ok(_) => panic!("{name} was taken"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn an_import_that_nobody_offers_is_named() {
    let said = refusal("foreign-import").await;
    assert!(said.contains("foo:bar/baz"), "{said}");
}

#[tokio::test]
async fn a_component_without_run_is_refused() {
    let said = refusal("missing-run").await;
    assert!(said.contains("does not export the function run"), "{said}");
}

#[tokio::test]
async fn a_core_module_is_no_component() {
    let said = refusal("core-module").await;
    assert!(said.contains("component"), "{said}");
}

#[tokio::test]
async fn an_activity_is_no_workflow() {
    let said = refusal("greeting-activity").await;
    assert!(said.contains("sandglass:activity"), "{said}");
}
