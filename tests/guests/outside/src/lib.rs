//! Reaches for what lies outside of the sandbox, and returns what it got: an object of one entry a
//! reach, `"refused"` or what was there.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::{Instant, SystemTime};
use std::{env, thread};

use serde_json::{Value, json};

bindings::workflow!();

struct Outside;

impl Guest for Outside {
    fn run(_: Vec<Payload>) -> Result<Payload, Failure> {
        let mut line = String::new();
        Ok(encode(&json!({
            "open": reached(File::open("/etc/passwd")),
            "create": reached(File::create("escape")),
            "list": reached(fs::read_dir("/")),
            "connect": reached(TcpStream::connect("127.0.0.1:1")),
            "listen": reached(TcpListener::bind("127.0.0.1:0")),
            "spawn": reached(thread::Builder::new().spawn(|| ())),
            "stdin": reached(std::io::stdin().read_to_string(&mut line)),
            "environment": env::vars().count(),
            "arguments": env::args().count(),
            // The same on every replay: seeded by the run, standing at the workflow task's start.
            "random": RandomState::new().hash_one(0).to_string(),
            "wall-clock": SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |it| it.as_secs_f64()),
            "monotonic-clock": Instant::now().elapsed().as_secs_f64(),
        })))
    }
}
export!(Outside);

fn reached<T>(outcome: std::io::Result<T>) -> Value {
    outcome.map_or("refused", |_| "reached").into()
}
