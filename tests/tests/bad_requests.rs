//! Whatever bytes come to whatever method: the server answers with a status and goes on. Requests are random messages, valid ones with bytes
//! changed, and noise. `SANDGLASS_SEED=7` runs that seed again.

use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sandglass_host::Host;
use sandglass_host::store::{MemoryStore, Store};
use sandglass_tests::front_door::{FrontDoor, WORKFLOW_SERVICE};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// Requests to each method.
const REQUESTS: usize = 150;
const OPERATOR_SERVICE: &str = "temporal.api.operatorservice.v1.OperatorService";

/// Bytes as they are, in place of messages.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(out, &bytes);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = bytes::Buf::remaining(bytes);
        Ok(Some(bytes::Buf::copy_to_bytes(bytes, length).to_vec()))
    }
}

/// What makes requests; what is random depends on the seed alone.
struct Random(StdRng);

impl Random {
    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.0.random_range(0..all.len())]
    }

    /// A message of fields as requests have them, with the namespace where they have it.
    fn message(&mut self, depth: usize) -> Vec<u8> {
        let mut out = Vec::new();
        if depth == 0 {
            let tag = *self.one_of(&[1, 1, 1, 2]);
            field(&mut out, tag, b"default");
        }
        for _ in 0..self.0.random_range(0..7) {
            let tag = self.0.random_range(1..26u64);
            match self.0.random_range(0..10) {
                0..3 => {
                    let number = *self.one_of(&[0, 1, 2, 5, 1_000, u64::MAX, i64::MAX as u64]);
                    prost::encoding::encode_varint(tag << 3, &mut out);
                    prost::encoding::encode_varint(number, &mut out);
                }
                3..7 => {
                    let text = self.text();
                    field(&mut out, tag, text.as_bytes());
                }
                7..9 if depth < 4 => {
                    let inner = self.message(depth + 1);
                    field(&mut out, tag, &inner);
                }
                _ => {
                    let noise = self.noise();
                    field(&mut out, tag, &noise);
                }
            }
        }
        out
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 14] = [
            "",
            "default",
            "w",
            "queue",
            "no such thing",
            "4315a4af-c621-480d-ac7f-52d42ee25a28",
            "WorkflowId = 'w' OR NOT StartTime > 5",
            "GROUP BY ExecutionStatus",
            "ExecutionStatus = (",
            "* * * * *",
            "json/plain",
            "{\"a\": [1, 2",
            "ß🦀\u{0}",
            "__stack_trace",
        ];
        match self.0.random_range(0..20) {
            0 => "long".repeat(self.0.random_range(1..2_000)),
            _ => (*self.one_of(&TEXTS)).into(),
        }
    }

    fn noise(&mut self) -> Vec<u8> {
        let length = self.0.random_range(0..40);
        (0..length).map(|_| self.0.random()).collect()
    }

    /// The same with a few bytes changed, left out, or put in.
    fn changed(&mut self, valid: &[u8]) -> Vec<u8> {
        let mut bytes = valid.to_vec();
        for _ in 0..self.0.random_range(1..4) {
            let at = self.0.random_range(0..=bytes.len());
            match self.0.random_range(0..4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.0.random()),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = self.0.random();
                    }
                }
            }
        }
        bytes
    }

    fn request(&mut self, valid: &[Vec<u8>]) -> Vec<u8> {
        match self.0.random_range(0..10) {
            0 => self.noise(),
            1..5 => {
                let one = self.one_of(valid).clone();
                self.changed(&one)
            }
            _ => self.message(0),
        }
    }
}

fn field(out: &mut Vec<u8>, tag: u64, bytes: &[u8]) {
    prost::encoding::encode_varint(tag << 3 | 2, out);
    prost::encoding::encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Some valid requests. They go to every method: most have the same fields in the same places.
fn valid() -> Vec<Vec<u8>> {
    let namespace = || "default".to_owned();
    let execution =
        || Some(common::WorkflowExecution { workflow_id: "w".into(), run_id: String::new() });
    let start = api::StartWorkflowExecutionRequest {
        namespace: namespace(),
        workflow_id: "w".into(),
        workflow_type: Some(common::WorkflowType { name: "none".into() }),
        task_queue: Some(TaskQueue { name: "queue".into(), ..Default::default() }),
        request_id: "once".into(),
        ..Default::default()
    };
    let list = api::ListWorkflowExecutionsRequest {
        namespace: namespace(),
        page_size: 3,
        query: "WorkflowType IN ('none', 'b') AND CloseTime IS NULL".into(),
        ..Default::default()
    };
    let history = api::GetWorkflowExecutionHistoryRequest {
        namespace: namespace(),
        execution: execution(),
        maximum_page_size: 2,
        ..Default::default()
    };
    let signal = api::SignalWorkflowExecutionRequest {
        namespace: namespace(),
        workflow_execution: execution(),
        signal_name: "go".into(),
        ..Default::default()
    };
    vec![
        start.encode_to_vec(),
        list.encode_to_vec(),
        history.encode_to_vec(),
        signal.encode_to_vec(),
    ]
}

async fn send(channel: &Channel, service: &str, method: &str, bytes: Vec<u8>) -> Code {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.expect("the server is there");
    let path: PathAndQuery = format!("/{service}/{method}").parse().expect("a method's name");
    let mut request = Request::new(bytes);
    // Long polls answer a second before, which is at once; queries of a run that nobody works on wait longer.
    request.set_timeout(Duration::from_millis(300));
    let answered: Result<tonic::Response<Vec<u8>>, _> = client.unary(request, path, Raw).await;
    answered.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_is_answered_with_a_status() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let seed = match std::env::var("SANDGLASS_SEED") {
        Ok(seed) => seed.parse().expect("SANDGLASS_SEED is a number"),
        Err(_) => rand::random(),
    };
    println!("SANDGLASS_SEED={seed}");
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        print(info);
    }));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let host = Host::builder().store(store).start().await.expect("a host");
    let door = FrontDoor::open(host).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", door.address)).expect("an address");
    let channel = endpoint.connect().await.expect("a connection");
    let methods = include_str!("../../host/temporal/src/methods.txt").lines();
    let methods = methods.map(|method| (WORKFLOW_SERVICE, method));
    let (valid, mut random) = (valid(), Random(StdRng::seed_from_u64(seed)));
    let mut ok = 0;
    for (service, method) in methods.chain([(OPERATOR_SERVICE, "ListSearchAttributes")]) {
        let requests: Vec<_> = (0..REQUESTS).map(|_| random.request(&valid)).collect();
        // A few at once, so that those that wait do not add up.
        for some in requests.chunks(16) {
            let sent = some.iter().map(|bytes| send(&channel, service, method, bytes.clone()));
            for (code, bytes) in futures::future::join_all(sent).await.into_iter().zip(some) {
                ok += usize::from(code == Code::Ok);
                assert!(!matches!(code, Code::Unknown | Code::DataLoss), "{method}: {bytes:?}");
                assert_eq!(PANICS.load(Ordering::Relaxed), 0, "{method}: {bytes:?}");
            }
        }
    }
    assert!(ok > 100, "only {ok} were carried out");
    let alive: api::GetSystemInfoResponse = door
        .call("GetSystemInfo", api::GetSystemInfoRequest::default())
        .await
        .expect("it is alive");
    assert!(alive.capabilities.is_some());
    door.close().await;
}
