//! What is counted, as Prometheus reads it: the server's own counters, and a reading of the host's. Names carry their units.

use crate::methods;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use sandglass_host::wasm::WorkerStats;
use sandglass_host::{COMMIT_SECONDS, CommitMetrics, HostMetrics};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tonic::Code;

/// What a text of this module is, for who reads it.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the classes of requests by how long they take; polls wait for up to a minute.
const REQUEST_SECONDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 30.0, 70.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limit {
    limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Type {
    r#type: &'static str,
}

/// What a server counts. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct ServerMetrics(Arc<Inner>);

struct Inner {
    requests: Family<Request, Counter>,
    latencies: Family<Method, Histogram, fn() -> Histogram>,
    refused: Family<Limit, Counter>,
    connections: Gauge,
    stopping: AtomicBool,
}

impl ServerMetrics {
    pub(crate) fn new() -> ServerMetrics {
        ServerMetrics(Arc::new(Inner {
            requests: Family::default(),
            latencies: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            refused: Family::default(),
            connections: Gauge::default(),
            stopping: AtomicBool::new(false),
        }))
    }

    /// A request was answered. A path that there is not is one method, so that nobody can fill the memory with names.
    pub(crate) fn answered(&self, path: &str, code: Code, took: Duration) {
        let method = methods::known(path).unwrap_or("unknown");
        self.0.requests.get_or_create(&Request { method, code: name(code) }).inc();
        self.0.latencies.get_or_create(&Method { method }).observe(took.as_secs_f64());
    }

    /// Somebody was over a limit.
    pub(crate) fn refused(&self, limit: &'static str) {
        self.0.refused.get_or_create(&Limit { limit }).inc();
    }

    pub(crate) fn connections(&self) -> &Gauge {
        &self.0.connections
    }

    pub(crate) fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }

    /// Everything as text, with what the host says.
    pub(crate) fn text(&self, host: HostMetrics) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("sandglass");
        let Inner { requests, latencies, refused, connections, .. } = &*self.0;
        registry.register("grpc_requests", "Requests that were answered", requests.clone());
        registry.register_with_unit(
            "grpc_request_duration",
            "How long requests took; polls wait",
            Unit::Seconds,
            latencies.clone(),
        );
        registry.register("limit_refusals", "Who was over a limit", refused.clone());
        registry.register("grpc_connections", "Connections of clients", connections.clone());
        registry.register_collector(Box::new(HostReading(host)));
        let mut text = String::new();
        text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// The code's name, as gRPC has it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[derive(Debug)]
struct HostReading(HostMetrics);

impl Collector for HostReading {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let HostReading(host) = self;
        let mut out = Out(encoder);
        out.gauge("workflows_open", "Open workflow executions", host.workflows_open)?;
        out.entries(host)?;
        let started = host.workflow_tasks_started;
        out.counter("workflow_tasks_started", "Workflow tasks that were begun here", started)?;
        out.counter(
            "workflow_tasks_failed_again",
            "Workflow tasks that failed from the second attempt on",
            host.workflow_tasks_failed_again,
        )?;
        let waiting = host.workflow_tasks_waiting;
        out.gauge("workflow_tasks_waiting", "Workflow tasks that nobody has yet", waiting as u64)?;
        let waiting = host.activity_tasks_waiting;
        out.gauge("activity_tasks_waiting", "Activities that nobody has yet", waiting as u64)?;
        let ahead = host.transitions_ahead as u64;
        out.gauge("transitions_ahead", "Transitions that are not durable yet", ahead)?;
        out.commits(&host.commits)?;
        host.worker.as_ref().map_or(Ok(()), |worker| out.worker(worker))
    }
}

struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn entries(&mut self, host: &HostMetrics) -> fmt::Result {
        let help = "Events of histories, and state changes beside them";
        let mut metric =
            self.0.encode_descriptor("log_entries", help, None, MetricType::Counter)?;
        for (&name, count) in &host.entries {
            let label = Type { r#type: name };
            metric.encode_family(&label)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
        }
        Ok(())
    }

    fn commits(&mut self, commits: &CommitMetrics) -> fmt::Result {
        let CommitMetrics { classes, seconds, failed } = commits;
        let bounds = COMMIT_SECONDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(*classes).collect();
        let help = "How long commits took that succeeded";
        let (seconds_unit, count) = (Unit::Seconds, classes.iter().sum());
        self.0
            .encode_descriptor("commit_duration", help, Some(&seconds_unit), MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(*seconds, count, &buckets, None)?;
        self.counter("commits_failed", "Commits that failed", *failed)
    }

    fn worker(&mut self, worker: &WorkerStats) -> fmt::Result {
        let parked = worker.cached_runs as u64;
        self.gauge("instances_parked", "Instances that wait in memory", parked)?;
        let bytes = worker.cached_bytes as u64;
        let help = "What they hold, about";
        let value = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.0
            .encode_descriptor("instances_parked", help, Some(&Unit::Bytes), MetricType::Gauge)?
            .encode_gauge(&value)?;
        let waiting = worker.waiting as u64;
        self.gauge("guests_waiting", "Workflow tasks that wait for a thread", waiting)?;
        self.counter("guest_replays", "Workflow tasks that began by a replay", worker.replays)?;
        self.counter("guest_evictions", "Instances that made room", worker.evictions)?;
        self.counter("guest_task_failures", "Workflow tasks that failed", worker.failures)?;
        self.counter("guest_traps", "Guests that could not go on", worker.traps)
    }
}
