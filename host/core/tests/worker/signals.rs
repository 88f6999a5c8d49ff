//! Signals: received, taken, waited for, and those that came before anybody asked.

use crate::scripted::Script;
use crate::story::{Story, says};
use expect_test::expect;

fn receiver() -> Script {
    Script::new(|it| async move {
        let signal = it.receive("go").await?;
        assert_eq!(signal.identity, "tester");
        let rest = it.take_signal("go").is_some();
        says(format!("{} {} {rest}", signal.name, String::from_utf8_lossy(&signal.input[0].data)))
    })
}

#[test]
fn suspends() {
    let mut story = Story::new(receiver());
    story.task();
    expect!["-\n"].assert_eq(&story.log);
}

#[test]
fn completes() {
    let mut story = Story::new(receiver());
    story.task().signal("go").task();
    expect![[r#"
        -
        CompleteWorkflowExecution go "go" false
    "#]]
    .assert_eq(&story.log);
    assert_eq!(story.open(), 0);
}

#[test]
fn is_still_pending_while_others_come() {
    let mut story = Story::new(receiver());
    story.task().signal("stop").task().signal("go").signal("go").task();
    expect![[r#"
        -
        -
        CompleteWorkflowExecution go "go" true
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn those_that_came_before_anybody_asked_count() {
    let mut story = Story::new(Script::new(|it| async move {
        let on_go = it.on_signal("go");
        assert_eq!(it.on_signal("go"), on_go);
        assert_eq!(it.ready(&[on_go]), [on_go]);
        let mut taken = 0;
        while it.take_signal("go").is_some() {
            taken += 1;
        }
        assert!(it.ready(&[on_go]).is_empty());
        it.wait_any(&[on_go]).await?;
        it.wait_any(&[on_go]).await?;
        says(taken)
    }));
    story.signal("go").signal("go").task().signal("go").task();
    expect![[r#"
        -
        CompleteWorkflowExecution 2
    "#]]
    .assert_eq(&story.log);
}
