//! Waits for somebody to approve, but not for ever.

use sandglass::workflow::{execution, failures, select, signals, timers};

bindings::workflow!();

const A_DAY: f64 = 24.0 * 3600.0;

struct SignalApproval;

impl Guest for SignalApproval {
    fn run(_: Vec<Payload>) -> Result<Payload, Failure> {
        execution::publish("status", &encode(&"waiting"));
        let approve = signals::on_signal("approve");
        let reject = signals::on_signal("reject");
        let deadline = timers::start(A_DAY);
        // The first wins; the timer is canceled unless it was the timer.
        let first = select::race(&[approve, reject, deadline])?;
        if first != approve {
            let why = if first == reject { "rejected" } else { "nobody approved within a day" };
            return Err(failures::application(why, "NotApproved", true));
        }
        execution::publish("status", &encode(&"approved"));
        let approval = signals::receive("approve")?;
        let by: Option<String> = decode(&approval.input)?;
        Ok(encode(&format!("approved by {}", by.unwrap_or(approval.identity))))
    }
}
export!(SignalApproval);
