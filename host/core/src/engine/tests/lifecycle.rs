//! A run begins and ends.

use super::driver::*;
use crate::engine::*;
use expect_test::expect;

#[test]
fn an_empty_workflow() {
    let mut driver = Driver::new();
    driver.task(alloc::vec![complete()]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionCompleted
    "#]]
    .assert_eq(&driver.history());
    assert_eq!(driver.ask(signal("s", "x")).err(), Some(RequestError::Closed));
}
