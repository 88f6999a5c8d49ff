//! How fast a history is matched by the worker half, without wasm: `cargo bench -p sandglass-core`.

#[allow(dead_code, reason = "a benchmark uses a part of it")]
#[path = "../tests/worker/long_history.rs"]
mod long_history;
#[allow(dead_code, reason = "a benchmark uses a part of it")]
#[path = "../../../tests/src/scripted.rs"]
mod scripted;

use std::time::Instant;

fn main() {
    for activities in [500, 5_000, 8_333, 50_000, 300_000] {
        let events = long_history::history(activities);
        let begun = Instant::now();
        let guest = long_history::replay(&events);
        let seconds = begun.elapsed().as_secs_f64();
        let (count, open) = (events.len(), guest.run().operations_open());
        println!("{count} events: {:.0} events/s, {open} operations open", count as f64 / seconds);
    }
}
