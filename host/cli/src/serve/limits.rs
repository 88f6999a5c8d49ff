//! The limits of clients as options of `serve`, named as in the server. What each limit means is the server's.

use crate::limits::{KIB, MIB, Size, Time, number, size, time, within};
use crate::setup;
use clap::Args;
use sandglass_temporal::ServeLimits;
use std::time::Duration;

/// What clients may take up. Who is over a limit is refused, or waits; the others notice nothing.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits of clients")]
pub(super) struct ClientLimits {
    /// Bytes of a request (limit request_bytes_max)
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().request_bytes_max), value_parser = message)]
    request_bytes: Size,
    /// Bytes of an answer (limit answer_bytes_max)
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().answer_bytes_max), value_parser = message)]
    answer_bytes: Size,
    /// Bytes of a request's headers (limit header_bytes_max)
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().header_bytes_max as usize), value_parser = headers)]
    header_bytes: Size,
    /// Connections at once; a further one is closed (limit connections_max)
    #[arg(long, value_name = "NUMBER", default_value_t = defaults().connections_max, value_parser = number(1, 1_000_000))]
    connections: usize,
    /// Requests of one connection at once; further ones wait (limit requests_of_a_connection_max)
    #[arg(long, value_name = "NUMBER", default_value_t = defaults().requests_of_a_connection_max as usize, value_parser = number(1, 1_000_000))]
    requests_per_connection: usize,
    /// Requests that wait for something to come, at once (limit polls_max)
    #[arg(long, value_name = "NUMBER", default_value_t = defaults().polls_max, value_parser = number(1, 1_000_000))]
    polls: usize,
    /// The same, of one connection (limit polls_of_a_connection_max)
    #[arg(long, value_name = "NUMBER", default_value_t = defaults().polls_of_a_connection_max, value_parser = number(1, 1_000_000))]
    polls_per_connection: usize,
    /// Polls that may wait at one task queue (limit polls_of_a_queue_max)
    #[arg(long, value_name = "NUMBER", default_value_t = defaults().polls_of_a_queue_max, value_parser = number(1, 1_000_000))]
    polls_per_queue: usize,
    /// How long a client has to begin a connection (limit handshake_timeout)
    #[arg(long, value_name = "TIME", default_value_t = Time(defaults().handshake_timeout), value_parser = time)]
    handshake_timeout: Time,
    /// How often a silent client is asked for a sign of life (limit keepalive_interval)
    #[arg(long, value_name = "TIME", default_value_t = Time(defaults().keepalive_interval), value_parser = time)]
    keepalive_interval: Time,
    /// How long it then has to give one (limit keepalive_timeout)
    #[arg(long, value_name = "TIME", default_value_t = Time(defaults().keepalive_timeout), value_parser = time)]
    keepalive_timeout: Time,
    /// How long a request may take; polls wait for up to a minute (limit request_timeout)
    #[arg(long, value_name = "TIME", default_value_t = Time(defaults().request_timeout), value_parser = request_timeout)]
    request_timeout: Time,
    /// How long a client has to take an answer; then its connection is ended (limit answer_timeout)
    #[arg(long, value_name = "TIME", default_value_t = Time(defaults().answer_timeout), value_parser = time)]
    answer_timeout: Time,
}

impl From<&ClientLimits> for ServeLimits {
    fn from(options: &ClientLimits) -> ServeLimits {
        ServeLimits {
            request_bytes_max: options.request_bytes.0,
            answer_bytes_max: options.answer_bytes.0,
            header_bytes_max: narrow(options.header_bytes.0),
            connections_max: options.connections,
            requests_of_a_connection_max: narrow(options.requests_per_connection),
            polls_max: options.polls,
            polls_of_a_connection_max: options.polls_per_connection,
            polls_of_a_queue_max: options.polls_per_queue,
            handshake_timeout: options.handshake_timeout.0,
            keepalive_interval: options.keepalive_interval.0,
            keepalive_timeout: options.keepalive_timeout.0,
            request_timeout: options.request_timeout.0,
            answer_timeout: options.answer_timeout.0,
        }
    }
}

fn defaults() -> ServeLimits {
    ServeLimits::default()
}

/// What the parsers have let through fits.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn message(text: &str) -> Result<Size, String> {
    within(size(text)?, Size(KIB), Size(1024 * MIB))
}

fn headers(text: &str) -> Result<Size, String> {
    within(size(text)?, Size(KIB), Size(MIB))
}

/// A poll waits for a minute and answers then; cut off before, it would answer that it failed.
fn request_timeout(text: &str) -> Result<Time, String> {
    let timeout = setup::duration(text)?;
    match timeout < Duration::from_secs(65) {
        true => Err("polls wait for a minute: it has to be 65s at least".into()),
        false => Ok(Time(timeout)),
    }
}
