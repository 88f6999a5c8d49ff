//! Lists and counts: so many search the store at once, none for who has gone, and none for ever.

use anyhow::Result;
use sandglass_host::store::MemoryStore;
use sandglass_host::store::testing::FaultyStore;
use sandglass_host::{Host, HostOptions};
use sandglass_tests::front_door::FrontDoor;
use std::sync::Arc;
use std::time::Duration;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tokio::time::timeout;
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn who_has_gone_is_not_searched_for() -> Result<()> {
    let store = Arc::new(FaultyStore::new(MemoryStore::default()));
    let options = HostOptions { searches_at_once_max: 2, ..HostOptions::default() };
    let host = Host::builder().store(Arc::<FaultyStore<_>>::clone(&store)).options(options);
    let host = host.start().await?;
    store.hold_searches();
    let count = || {
        let client = host.client();
        tokio::spawn(async move { client.count(None).await })
    };
    let searching: Vec<_> = (0..2).map(|_| count()).collect();
    timeout(PATIENCE, async {
        while store.searches() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await?;
    // Those who ask go, and their searches hang: there is no room for others yet, and they go, too.
    let waiting: Vec<_> = (0..100).map(|_| count()).collect();
    for gone in searching.into_iter().chain(waiting) {
        gone.abort();
        assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    }
    let honest = count();
    store.release_searches();
    timeout(PATIENCE, honest).await???;
    // The two that nobody waited for have found nothing.
    timeout(PATIENCE, async {
        while store.searches_interrupted() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await?;
    assert_eq!(store.searches(), 3);
    host.shutdown(Duration::ZERO).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_too_long_is_refused() -> Result<()> {
    let options = HostOptions { search_time_max: Duration::ZERO, ..HostOptions::default() };
    let host = Host::builder().store(Arc::new(MemoryStore::default())).options(options);
    let door = FrontDoor::open(host.start().await?).await;
    let namespace = || "default".to_owned();
    let request =
        api::CountWorkflowExecutionsRequest { namespace: namespace(), ..Default::default() };
    let counted: Result<api::CountWorkflowExecutionsResponse, _> =
        door.call("CountWorkflowExecutions", request).await;
    let request =
        api::ListWorkflowExecutionsRequest { namespace: namespace(), ..Default::default() };
    let listed: Result<api::ListWorkflowExecutionsResponse, _> =
        door.call("ListWorkflowExecutions", request).await;
    for refused in [counted.map(drop), listed.map(drop)] {
        let status = refused.expect_err("it is refused");
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert!(status.message().starts_with("the search took longer than 0 s"), "{status}");
    }
    door.close().await;
    Ok(())
}
