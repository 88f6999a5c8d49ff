//! Makes the mistake that its input names.

use std::fs::File;
use std::net::TcpStream;
use std::time::SystemTime;
use std::{process, thread};

bindings::workflow!();

struct Mistakes;

impl Guest for Mistakes {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let which: String = decode(&input)?;
        match which.as_str() {
            "panic" => panic!("the stock is inconsistent"),
            "out-of-bounds" => return Ok(input[which.len()].clone()),
            "exit" => process::exit(3),
            "clock" => wait_for_the_clock(),
            "file" => drop(File::open("/stock.txt").unwrap()),
            "socket" => drop(TcpStream::connect("127.0.0.1:80").unwrap()),
            "thread" => thread::spawn(|| {}).join().unwrap(),
            _ => {}
        }
        Ok(encode(&"none"))
    }
}
export!(Mistakes);

fn wait_for_the_clock() {
    let begin = SystemTime::now();
    while begin.elapsed().is_ok_and(|elapsed| elapsed.as_secs() < 1) {}
}
