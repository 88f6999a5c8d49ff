//! What a run says to queries: the last value of a name, in the answer of the task that changed it.

use crate::scripted::Script;
use crate::story::{Story, says};

#[test]
fn is_part_of_the_answer_when_it_changed() {
    let mut story = Story::new(Script::new(|it| async move {
        it.publish("status", "1");
        it.publish("status", "2");
        it.publish("other", "3");
        it.sleep(1).await?;
        it.sleep(1).await?;
        it.publish("status", "4");
        says("")
    }));
    let texts = |decision: sandglass_core::worker::Decision| {
        decision.published.map(|published| {
            let text = |(name, value): (&String, &sandglass_core::Payload)| {
                format!("{name}={}", String::from_utf8_lossy(&value.data))
            };
            published.iter().map(text).collect::<Vec<_>>().join(" ")
        })
    };
    assert_eq!(texts(story.try_task().expect("first")).as_deref(), Some("other=3 status=2"));
    story.fire("1");
    assert_eq!(texts(story.try_task().expect("second")), None);
    story.fire("2");
    assert_eq!(texts(story.try_task().expect("third")).as_deref(), Some("other=3 status=4"));
}
