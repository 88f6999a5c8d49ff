//! A database whose contents make no sense, or that is none, or of another version.

use super::{SIGNALS, Work, builder, finish, start};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};
use sandglass_host::store::{Error, SqliteStore};
use sandglass_host::{ClientError, Host, HostError, HostOptions, StartWorkflow};
use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

async fn open(path: &Path) -> Result<Host, HostError> {
    let options = HostOptions { snapshot_entries: 8, ..HostOptions::default() };
    builder(&Arc::new(Work::default())).options(options).sqlite(path).start().await
}

/// A database of three open runs: `wait-1`, which has its first signal, `wait-2`, and `work-3`, whose activity runs as the host goes.
async fn database(folder: &Path) -> PathBuf {
    let path = folder.join("sandglass.db");
    let options = HostOptions { snapshot_entries: 8, ..HostOptions::default() };
    let work = Work::held();
    let host = builder(&work).options(options).sqlite(&path).start().await.expect("a host");
    let waits = start(&host, "wait", 1).await;
    waits.signal("go", &1).await.expect("a signal");
    while waits.describe().await.expect("a description").pending_workflow_task.is_some() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    start(&host, "wait", 2).await;
    start(&host, "work", 3).await;
    while work.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(waits);
    close(host, &path).await;
    path
}

/// Returns when the host has let go of its database, as it does when the last handle to it is gone.
async fn close(host: Host, path: &Path) {
    host.shutdown(Duration::ZERO).await;
    while matches!(SqliteStore::open(path), Err(Error::InUse { .. })) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Batches of the first run that was stored, by key.
fn log_of_first(path: &Path) -> BTreeMap<i64, Vec<u8>> {
    let database = Connection::open(path).expect("the database");
    let mut statement =
        database.prepare("SELECT id, entries FROM log WHERE id < (2 << 24) ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn meddle(path: &Path, sql: &str) {
    Connection::open(path).expect("the database").execute_batch(sql).expect("the damage");
}

/// What a client is told of the damaged run, whatever it asks.
async fn refusals(host: &Host) -> Vec<ClientError> {
    let handle = host.client().workflow("wait-1");
    let again = StartWorkflow::new("wait", "wait-1");
    vec![
        handle.describe().await.expect_err("describe"),
        handle.signal("go", &2).await.expect_err("signal"),
        handle.cancel("").await.expect_err("cancel"),
        handle.terminate("").await.expect_err("terminate"),
        handle.history().await.expect_err("history"),
        host.client().start(again).await.map(drop).expect_err("start"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_run_says_so_and_the_others_go_on() {
    const LAST: &str = "id = (SELECT max(id) FROM log WHERE id < (2 << 24))";
    for (damage, told) in [
        (
            format!(
                "UPDATE log SET entries = substr(entries, 1, length(entries) - 3), checksum = NULL \
                 WHERE {LAST}"
            ),
            "entry ",
        ),
        (format!("UPDATE log SET entries = x'ff', checksum = NULL WHERE {LAST}"), "entry "),
        (format!("UPDATE log SET entries = x'ff' WHERE {LAST}"), "checksum"),
        (format!("UPDATE log SET format = 77 WHERE {LAST}"), "format 77"),
        (format!("DELETE FROM log WHERE {LAST}"), "entries were stored"),
        ("DELETE FROM log WHERE id = (1 << 24) + 1".into(), "cannot follow"),
        ("DELETE FROM log WHERE id < (2 << 24)".into(), "does not begin"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = database(folder.path()).await;
        meddle(&path, &format!("DELETE FROM snapshots; {damage}"));
        let (before, run_id) = (log_of_first(&path), run_id_of_first(&path));
        let host = open(&path).await.expect("the host opens");
        for refused in refusals(&host).await {
            assert!(matches!(refused, ClientError::Corrupt { .. }), "{damage}: {refused:?}");
            let sentence = refused.to_string();
            for words in [run_id.as_str(), told, "nothing of it was changed", "from a backup"] {
                assert!(sentence.contains(words), "{damage}: {sentence}");
            }
        }
        finish(&host.client().workflow("wait-2"), SIGNALS).await;
        let result = host.client().workflow("work-3").result::<String>().await;
        // Its first attempt went with the first host.
        assert_eq!(result.expect("a result"), "done", "{damage}");
        finish(&start(&host, "wait", 4).await, SIGNALS).await;
        close(host, &path).await;
        assert_eq!(log_of_first(&path), before, "{damage}");
    }
}

fn run_id_of_first(path: &Path) -> String {
    let database = Connection::open(path).expect("the database");
    let id: [u8; 16] =
        database.query_row("SELECT run_id FROM runs WHERE id = 1", [], |row| row.get(0)).unwrap();
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_read_is_no_loss() {
    // One that its checksum tells, and one from before there were checksums.
    for sum in ["checksum", "NULL"] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = database(folder.path()).await;
        let database = Connection::open(&path).expect("the database");
        let damage =
            format!("UPDATE snapshots SET bytes = x'0863', checksum = {sum} WHERE run = 1");
        assert_eq!(database.execute(&damage, []).expect("the damage"), 1);
        drop(database);
        let host = open(&path).await.expect("a host");
        finish(&host.client().workflow("wait-1"), SIGNALS - 1).await;
    }
}

/// Whatever is done to the bytes of one run, the host opens, the run is answered for, and the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn random_damage_stays_within_its_run() {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let whole = database(folder.path()).await;
    let log = log_of_first(&whole);
    for round in 0..60 {
        let path = folder.path().join(format!("{round}.db"));
        fs::copy(&whole, &path).expect("a copy");
        let (key, written) = log.iter().nth(random.random_range(0..log.len())).unwrap();
        let at = random.random_range(0..written.len());
        let mut entries = written.clone();
        match random.random_range(0..3) {
            0 => entries.truncate(at),
            1 => entries[at] ^= 1 << random.random_range(0..8),
            _ => entries[at] = entries[at].wrapping_add(random.random_range(1..=255)),
        }
        let damage = Connection::open(&path)
            .unwrap()
            .execute("UPDATE log SET entries = ?2 WHERE id = ?1", params![key, entries]);
        assert_eq!(damage.unwrap(), 1);
        meddle(&path, "DELETE FROM snapshots");
        let host = open(&path).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let told = host.client().workflow("wait-1").describe().await;
        assert!(
            matches!(told, Err(ClientError::Corrupt { .. })),
            "seed {seed}, round {round}: {told:?}"
        );
        finish(&host.client().workflow("wait-2"), SIGNALS).await;
        host.shutdown(Duration::ZERO).await;
    }
}

/// Length and digest of the database and its write-ahead log.
fn files(folder: &Path) -> BTreeMap<PathBuf, (usize, u64)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let kept = |path: &PathBuf| {
        // The lock is ours, and the index of the write-ahead log is made anew by whoever reads.
        !["lock", "db-shm"].iter().any(|end| path.extension().is_some_and(|it| it == *end))
    };
    let digest = |path: PathBuf| {
        let (bytes, mut hasher) = (fs::read(&path).unwrap(), DefaultHasher::new());
        bytes.hash(&mut hasher);
        (path, (bytes.len(), hasher.finish()))
    };
    files.filter(kept).map(digest).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    for crashed in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = database(folder.path()).await;
        // The newer host has closed it, or it has crashed and left its write-ahead log.
        let newer = Connection::open(&path).expect("the database");
        newer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, crashed).unwrap();
        newer.execute_batch("PRAGMA user_version = 99; UPDATE runs SET due = 5").unwrap();
        drop(newer);
        let before = files(folder.path());
        assert_eq!(before.len(), if crashed { 2 } else { 1 });
        let refused = open(&path).await.err().expect("it is newer");
        assert!(
            matches!(refused, HostError::Store(Error::NewerVersion { found: 99, .. })),
            "{refused:?}"
        );
        for words in ["sandglass.db", "version 99", "with a newer Sandglass", "nothing was changed"]
        {
            assert!(refused.to_string().contains(words), "{refused}");
        }
        assert_eq!(files(folder.path()), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_of_ours_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sandglass.db");
    meddle(&path, "CREATE TABLE notes (text)");
    let others = fs::read(&path).expect("a database");
    let text = "Not a database at all, but long enough for a header. ".repeat(40).into_bytes();
    for contents in [others, text, b"short".to_vec()] {
        fs::write(&path, &contents).expect("a file");
        let refused = open(&path).await.err().expect("it is not ours");
        assert!(matches!(refused, HostError::Store(Error::NotADatabase { .. })), "{refused:?}");
        for words in ["sandglass.db", "name another file", "nothing was changed"] {
            assert!(refused.to_string().contains(words), "{refused}");
        }
        assert_eq!(fs::read(&path).expect("the file"), contents);
    }
    // Ours, but cut off.
    let other = tempfile::tempdir().expect("a folder");
    let cut = fs::read(database(other.path()).await).expect("a database");
    fs::write(&path, &cut[..cut.len() / 2]).expect("a file");
    let refused = open(&path).await.err().expect("half of it is gone");
    assert!(matches!(refused, HostError::Store(Error::Corrupt { .. })), "{refused:?}");
    assert_eq!(fs::read(&path).expect("the file"), &cut[..cut.len() / 2]);
}
