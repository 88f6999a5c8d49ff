//! Lists and counts: so many search the store at once, and none for who has gone.

use anyhow::Result;
use sandglass_host::store::MemoryStore;
use sandglass_host::store::testing::FaultyStore;
use sandglass_host::{Host, HostOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

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
    // Those who ask go, and their searches go on: there is no room for others yet, and they go, too.
    let waiting: Vec<_> = (0..100).map(|_| count()).collect();
    for gone in searching.into_iter().chain(waiting) {
        gone.abort();
        assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    }
    let honest = count();
    store.release_searches();
    timeout(PATIENCE, honest).await???;
    assert_eq!(store.searches(), 3);
    host.shutdown(Duration::ZERO).await;
    Ok(())
}
