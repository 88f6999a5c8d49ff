//! Reserves, charges and ships an order; undoes it, newest first, when it fails or is canceled.

#[path = "../../../patterns/rust/patterns.rs"]
mod patterns;

use patterns::{Saga, at_most, saga};
use sandglass::workflow::activities::{self, ActivityOptions, CancellationType};
use sandglass::workflow::types::RetryPolicy;
use sandglass::workflow::{execution, failures, select, signals, timers};
use serde::{Deserialize, Serialize};

bindings::workflow!();

const A_DAY: f64 = 24.0 * 3600.0;
const SHIP_AT_ONCE: usize = 3;

/// What is to be delivered, and what for.
#[derive(Serialize, Deserialize)]
struct Order {
    id: String,
    items: Vec<String>,
    amount: f64,
}

#[derive(Serialize)]
struct Receipt {
    status: &'static str,
    trackings: Vec<String>,
}

struct OrderSaga;

impl Guest for OrderSaga {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let order: Order = decode(&input)?;
        if order.id.is_empty() || order.items.iter().any(String::is_empty) {
            let why = "an order has an id, items by name, and an amount";
            return Err(failures::application(why, "BadPayload", true));
        }
        let trackings = saga(|saga| fulfil(&order, saga))?;
        Ok(encode(&Receipt { status: "shipped", trackings }))
    }
}
export!(OrderSaga);

fn fulfil<'a>(order: &'a Order, saga: &mut Saga<'a>) -> Result<Vec<String>, Failure> {
    saga.undo(|| activities::execute("release", &[encode(&order.id)], &step()));
    let often = RetryPolicy { maximum_attempts: Some(5), ..Default::default() };
    let options = ActivityOptions { retry_policy: Some(often), ..step() };
    activities::execute("reserve", &[encode(order)], &options)?;
    publish("reserved");
    saga.undo(|| activities::execute("refund", &[encode(&order.id)], &step()));
    activities::execute("charge", &[encode(order)], &step())?;
    publish("charged");
    if order.amount > 1000.0 {
        approval()?;
    }
    let trackings = ship(order)?;
    publish("shipped");
    Ok(trackings)
}

/// Waits for somebody to approve, but not for ever.
fn approval() -> Result<(), Failure> {
    publish("waiting for approval");
    let approve = signals::on_signal("approve");
    let reject = signals::on_signal("reject");
    let first = select::race(&[approve, reject, timers::start(A_DAY)])?;
    if first == approve {
        publish("approved");
        return Ok(());
    }
    let why = if first == reject { "rejected" } else { "nobody approved within a day" };
    Err(failures::application(why, "NotApproved", true))
}

fn ship(order: &Order) -> Result<Vec<String>, Failure> {
    // What is on its way when the order is canceled is waited for, so that it can be undone.
    let cancellation_type = Some(CancellationType::WaitCancellationCompleted);
    let options = ActivityOptions { cancellation_type, ..step() };
    let call = |item| ("ship", vec![encode(&order.id), encode(item)]);
    let calls: Vec<_> = order.items.iter().map(call).collect();
    let shipped = at_most(SHIP_AT_ONCE, &calls, &options)?;
    shipped.iter().map(|tracking| decode(std::slice::from_ref(tracking))).collect()
}

fn step() -> ActivityOptions {
    ActivityOptions { start_to_close_timeout: Some(10.0), ..Default::default() }
}

fn publish(status: &str) {
    execution::publish("status", &encode(&status));
}
