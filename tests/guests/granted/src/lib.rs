//! An activity that reaches for what it may have been granted, and returns what it got: an object of one entry a reach, `"refused"` or what
//! was there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{TcpStream, UdpSocket};
use std::{env, io, process};

use serde_json::{Value, json};

bindings::activity!();

struct Granted;

impl Guest for Granted {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let what: String = decode(&input)?;
        match what.as_str() {
            "exit" => process::exit(3),
            "panic" => panic!("on purpose"),
            "open without end" => {
                let mut open = Vec::new();
                while let Ok(file) = File::open("/data/file") {
                    open.push(file);
                }
                return Ok(encode(&open.len()));
            }
            "write without end" => loop {
                println!("{}", "x".repeat(1000));
            },
            _ => {}
        }
        let environment: BTreeMap<String, String> = env::vars().collect();
        Ok(encode(&json!({
            "environment": environment,
            "arguments": env::args().count(),
            "read": got(fs::read_to_string("/data/file")),
            "list": got(names("/data")),
            "pipe": got(fs::read_to_string("/data/pipe")),
            "write": got(fs::write("/data/new", "new").map(|()| "written")),
            "truncate": got(File::create("/data/file").map(|_| "truncated")),
            "remove": got(fs::remove_file("/data/other").map(|()| "removed")),
            "above": got(fs::read_to_string("/data/../secret")),
            "link": got(fs::read_to_string("/data/link")),
            "root": got(names("/")),
            "host": got(fs::read_to_string("/etc/passwd")),
            "connect": got(TcpStream::connect("127.0.0.1:1").map(|_| "connected")),
            "udp": got(UdpSocket::bind("127.0.0.1:0").map(|_| "bound")),
            "stdin": got(io::read_to_string(io::stdin())),
        })))
    }
}
export!(Granted);

fn names(folder: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn got<T: Into<Value>>(outcome: io::Result<T>) -> Value {
    outcome.map_or("refused".into(), Into::into)
}
