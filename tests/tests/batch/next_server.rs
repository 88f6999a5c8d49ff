//! What comes of batch operations when the server that began them is gone: the next one goes on with them.

use super::*;
use prost::Message;
use sandglass_core::Timestamp;
use sandglass_host::store::BatchOperation;
use sandglass_host::store::testing::FaultyStore;

/// What the tests read of how far an operation has come.
#[derive(Clone, PartialEq, prost::Message)]
struct Written {
    #[prost(int64, tag = "4")]
    completed: i64,
}

fn written(store: &dyn Store, job_id: &str) -> i64 {
    let operation = store.batch_operation(job_id).expect("it can be read").expect("it is there");
    Written::decode(&operation.progress[..]).expect("progress").completed
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_goes_on() {
    let store = Arc::new(MemoryStore::default());
    let first = open(Arc::clone(&store) as Arc<dyn Store>).await;
    waiting(&first, 2).await;
    begin(&first, slow(by_query("q", terminate(), "WorkflowType = 'Wait'")))
        .await
        .expect("it begins");
    begin(&first, slow(by_name("n", signal("hello"), &["wait-1", "wait-2"])))
        .await
        .expect("it begins");
    for job_id in ["q", "n"] {
        until(&first, job_id, |it| it.complete_operation_count == 1).await;
        // Written down, as every turn of a slow one is.
        while written(&*store, job_id) < 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    first.close().await;
    let second = open(Arc::clone(&store) as Arc<dyn Store>).await;
    for job_id in ["q", "n"] {
        let ended = until(&second, job_id, |it| it.state() == BatchOperationState::Completed).await;
        let (all, done) = (ended.total_operation_count, ended.complete_operation_count);
        assert_eq!((all, done, ended.failure_operation_count), (2, 2, 0), "{job_id}");
    }
    assert_eq!(statuses(&second).await, "wait-1 Terminated, wait-2 Terminated");
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_is_sent_once_though_its_turn_comes_again() {
    let store = Arc::new(MemoryStore::default());
    let first = open(Arc::clone(&store) as Arc<dyn Store>).await;
    waiting(&first, 1).await;
    begin(&first, by_query("s", signal("hello"), "WorkflowType = 'Wait'"))
        .await
        .expect("it begins");
    until(&first, "s", |it| it.state() == BatchOperationState::Completed).await;
    first.close().await;
    // As a crash leaves it: begun, and nothing written of how far it came.
    let mut operation = store.batch_operation("s").expect("it is there").expect("it is there");
    assert!(operation.request.is_some());
    (operation.close_time, operation.progress) = (None, bytes::Bytes::new());
    store.put_batch_operation(&operation).expect("it is put");
    let second = open(Arc::clone(&store) as Arc<dyn Store>).await;
    until(&second, "s", |it| it.state() == BatchOperationState::Completed).await;
    let history = second.host.client().workflow("wait-1").history().await.expect("it is there");
    let json = serde_json::to_string(&history).expect("JSON");
    assert_eq!(json.matches("EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED").count(), 1);
    second.close().await;
}

/// What is written of how far an operation has come is lost with the process, again and again; what it did to the runs is not.
#[test]
fn after_a_crash_each_run_is_counted_once() {
    const RUNS: usize = 5;
    let store = Arc::new(FaultyStore::new(MemoryStore::default()));
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let first = runtime();
    first.block_on(async {
        let door = open(Arc::clone(&store) as Arc<dyn Store>).await;
        waiting(&door, RUNS).await;
        for n in 1..=RUNS {
            let run = door.host.client().workflow(format!("wait-{n}"));
            while run.describe().await.expect("it is there").history_length < 4 {
                tokio::task::yield_now().await;
            }
        }
        // Of the operation: that it begins, that older ones are forgotten, which runs come next, and those runs. Nothing later.
        store.crash_after(store.calls().len() + 3 + RUNS);
        let request = by_query("t", terminate(), "WorkflowType = 'Wait'");
        begin(&door, request).await.expect("it begins");
        while statuses(&door).await.contains("Running") {
            tokio::task::yield_now().await;
        }
        std::mem::forget(door);
    });
    first.shutdown_background();
    assert_eq!(written(&*store, "t"), 0);
    store.crash_after(usize::MAX);
    runtime().block_on(async {
        let door = open(Arc::clone(&store) as Arc<dyn Store>).await;
        let ended = until(&door, "t", |it| it.state() != BatchOperationState::Running).await;
        let (all, done) = (ended.total_operation_count, ended.complete_operation_count);
        assert_eq!((all, done, ended.failure_operation_count), (5, 5, 0));
        door.close().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_ended_long_ago_are_forgotten() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    for n in 0..600 {
        let operation = BatchOperation {
            job_id: format!("old {n}"),
            start_time: Timestamp(n),
            close_time: Some(Timestamp(n)),
            request: Some(Vec::new().into()),
            progress: Vec::new().into(),
        };
        store.put_batch_operation(&operation).expect("it is stored");
    }
    let door = open(Arc::clone(&store)).await;
    assert_eq!(
        carried_out(&door, by_query("new", delete(), "WorkflowId = 'none'")).await,
        (0, 0, 0)
    );
    let kept = store.batch_operations(None, 1_000).expect("a store");
    assert_eq!((kept.len(), &*kept[0].job_id), (501, "new"));
    assert!(store.batch_operation("old 99").expect("a store").is_none());
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_makes_no_sense_is_closed_and_the_others_go_on() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let door = open(Arc::clone(&store)).await;
    waiting(&door, 1).await;
    let now = door.host.client().now();
    door.close().await;
    let request = |query: &str| api::StartBatchOperationRequest {
        namespace: NAMESPACE.into(),
        job_id: query.into(),
        visibility_query: query.into(),
        operation: Some(Operation::CancellationOperation(
            batch::BatchOperationCancellation::default(),
        )),
        ..Default::default()
    };
    // As an earlier version may have written them, the first no longer to be understood.
    for query in ["nonsense =", "WorkflowId = 'wait-1'"] {
        let operation = BatchOperation {
            job_id: query.into(),
            start_time: now,
            close_time: None,
            request: Some(request(query).encode_to_vec().into()),
            progress: Vec::new().into(),
        };
        store.put_batch_operation(&operation).expect("it is stored");
    }
    let door = open(Arc::clone(&store)).await;
    while statuses(&door).await != "wait-1 Canceled" {
        tokio::task::yield_now().await;
    }
    let closed = store.batch_operation("nonsense =").expect("a store").expect("it is there");
    assert!(closed.close_time.is_some());
    let described: api::DescribeBatchOperationResponse = door
        .call(
            "DescribeBatchOperation",
            api::DescribeBatchOperationRequest {
                namespace: NAMESPACE.into(),
                job_id: "nonsense =".into(),
            },
        )
        .await
        .expect("it is described");
    assert_eq!(described.state(), BatchOperationState::Failed);
}
