//! What activities that are components may have of the machine: nothing by default, what was granted, and no more.

use anyhow::{Context, Result, bail};
use futures::future::BoxFuture;
use sandglass_core::engine::{ActivityTask, CancelReason};
use sandglass_core::{Failure, Payload};
use sandglass_host::wasm::{
    Access, ActivityComponent, ActivityHost, AttemptEnd, Engine, EngineOptions, Folder, Grants,
    Limits, LogSink, attempt,
};
use sandglass_tests::languages::{ACTIVITY_LANGUAGES, activity_in};
use sandglass_tests::{compiled, guest};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

struct Once(ActivityTask);

impl ActivityHost for Once {
    fn task(&self) -> &ActivityTask {
        &self.0
    }

    fn heartbeat(&self, _: Vec<Payload>) -> BoxFuture<'_, Option<CancelReason>> {
        Box::pin(std::future::ready(None))
    }
}

/// One attempt, and the lines that it left in the log.
async fn once(file: &Path, grants: Grants, input: &Value) -> Result<(AttemptEnd, Vec<String>)> {
    let limits = Limits { log_bytes: 64 * 1024, ..Limits::default() };
    let options = EngineOptions {
        limits,
        instances_max: 4,
        cache_dir: Some(compiled()),
        ..EngineOptions::default()
    };
    let engine = Engine::new(options)?;
    let component = ActivityComponent::load(&engine, &fs::read(file)?)?.with_grants(grants);
    let task = ActivityTask {
        activity_type: "it".into(),
        attempt: 1,
        input: Some(vec![Payload::json(input.to_string())].into()),
        ..ActivityTask::default()
    };
    let lines = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&lines);
    let log: LogSink = Arc::new(move |line| told.lock().unwrap().push(line.text.to_owned()));
    let end = timeout(PATIENCE, attempt(&engine, &component, Arc::new(Once(task)), log)).await?;
    let lines = lines.lock().unwrap().clone();
    Ok((end, lines))
}

async fn reached(grants: Grants) -> Result<Value> {
    match once(&guest("granted"), grants, &json!("reach")).await?.0 {
        AttemptEnd::Returned(Ok(Payload { data, .. })) => Ok(serde_json::from_slice(&data)?),
        end => bail!("it did not return: {end:?}"),
    }
}

fn refused(reached: &Value, what: &[&str]) {
    for name in what {
        assert_eq!(reached[name], "refused", "{name}");
    }
}

async fn fetch(file: &Path, grants: Grants, url: &str) -> Result<(AttemptEnd, Vec<String>)> {
    once(file, grants, &json!({ "url": url, "name": "page" })).await
}

/// The example in each language.
fn fetches() -> impl Iterator<Item = (&'static str, PathBuf)> {
    ACTIVITY_LANGUAGES.iter().map(|it| (it.name, activity_in("fetch", it.name)))
}

fn failure(end: AttemptEnd) -> Result<Failure> {
    match end {
        AttemptEnd::Returned(Err(failure)) => Ok(failure.into()),
        AttemptEnd::Trapped(failure) => Ok(failure),
        end => bail!("it did not fail: {end:?}"),
    }
}

fn folder(path: &Path, name: &str, access: Access) -> Folder {
    Folder { path: path.into(), name: name.into(), access }
}

/// A folder with two files and a link that leads out of it, and a file beside it.
fn laid_out() -> Result<(tempfile::TempDir, PathBuf)> {
    let outer = tempfile::tempdir()?;
    let data = outer.path().join("data");
    fs::create_dir(&data)?;
    fs::write(outer.path().join("secret"), "secret")?;
    fs::write(data.join("file"), "content")?;
    fs::write(data.join("other"), "other")?;
    std::os::unix::fs::symlink("../secret", data.join("link"))?;
    Ok((outer, data))
}

#[tokio::test]
async fn nothing_is_there_by_default() -> Result<()> {
    let reached = reached(Grants::default()).await?;
    refused(&reached, &["read", "list", "write", "truncate", "remove", "above", "link"]);
    refused(&reached, &["root", "host", "connect", "udp"]);
    assert_eq!(reached["environment"], json!({}));
    assert_eq!(reached["arguments"], 0);
    assert_eq!(reached["stdin"], "");
    Ok(())
}

#[tokio::test]
async fn a_folder_can_be_read_and_not_left() -> Result<()> {
    let (_outer, data) = laid_out()?;
    let grants = Grants::default().environment("API_TOKEN", "t0ken").folder(folder(
        &data,
        "/data",
        Access::Read,
    ));
    let reached = reached(grants).await?;
    assert_eq!(reached["environment"], json!({ "API_TOKEN": "t0ken" }));
    assert_eq!(reached["read"], "content");
    assert_eq!(reached["list"], json!(["file", "link", "other"]));
    refused(&reached, &["write", "truncate", "remove", "above", "link", "root", "host", "connect"]);
    assert_eq!(fs::read_to_string(data.join("file"))?, "content");
    assert!(data.join("other").exists() && !data.join("new").exists());
    Ok(())
}

#[tokio::test]
async fn a_folder_can_be_written_and_not_left() -> Result<()> {
    let (outer, data) = laid_out()?;
    let grants = Grants::default().folder(folder(&data, "/data", Access::Write));
    let reached = reached(grants).await?;
    assert_eq!(reached["write"], "written");
    assert_eq!(reached["truncate"], "truncated");
    assert_eq!(reached["remove"], "removed");
    refused(&reached, &["above", "link", "root", "host"]);
    assert_eq!(fs::read_to_string(data.join("new"))?, "new");
    assert_eq!(fs::read_to_string(outer.path().join("secret"))?, "secret");
    Ok(())
}

/// Nobody writes to it, so that who opened it would wait for ever, where nothing can end it.
#[tokio::test]
async fn a_pipe_in_a_folder_cannot_be_opened() -> Result<()> {
    let (_outer, data) = laid_out()?;
    let made = std::process::Command::new("mkfifo").arg(data.join("pipe")).status()?;
    anyhow::ensure!(made.success(), "{made}");
    for access in [Access::Read, Access::Write] {
        let reached = reached(Grants::default().folder(folder(&data, "/data", access))).await?;
        refused(&reached, &["pipe"]);
        assert_eq!(reached["read"], "content");
    }
    Ok(())
}

#[tokio::test]
async fn a_folder_that_has_gone_fails_the_attempt_without_its_path() -> Result<()> {
    let gone = tempfile::tempdir()?.path().join("gone");
    let grants = Grants::default().folder(folder(&gone, "/data", Access::Read));
    let failure = failure(once(&guest("granted"), grants, &json!("reach")).await?.0)?;
    assert_eq!(failure.message, "a folder that the activity is granted cannot be opened");
    Ok(())
}

#[tokio::test]
async fn a_guest_ends_in_its_own_words() -> Result<()> {
    let said = async |what: &str| -> Result<String> {
        Ok(failure(once(&guest("granted"), Grants::default(), &json!(what)).await?.0)?.message)
    };
    let exit = said("exit").await?;
    let words =
        "the guest ended its process, with a status that is not 0, instead of returning from run";
    assert_eq!(exit, words);
    let panic = said("panic").await?;
    assert!(panic.contains("on purpose") && panic.contains("lib.rs"), "{panic}");
    let endless = said("write without end").await?;
    assert!(endless.contains("limit log_bytes"), "{endless}");
    Ok(())
}

/// The host's own files and connections need some, too.
#[tokio::test]
async fn an_attempt_holds_so_many_files_and_no_more() -> Result<()> {
    let (_outer, data) = laid_out()?;
    let grants = Grants::default().folder(folder(&data, "/data", Access::Read));
    let failure = failure(once(&guest("granted"), grants, &json!("open without end")).await?.0)?;
    assert!(failure.message.contains("limit activity_resources"), "{}", failure.message);
    assert!(Limits::default().activity_resources <= 512);
    Ok(())
}

/// Answers each connection with that, and hands on what was asked.
async fn server(answer: &'static str) -> Result<(String, mpsc::UnboundedReceiver<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let (sender, asked) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let _ = sender.send(String::from_utf8_lossy(&request[..length]).into_owned());
            let _ = stream.write_all(answer.as_bytes()).await;
            if answer.is_empty() {
                // Never answers: until the client goes.
                let _ = stream.read(&mut request).await;
                let _ = sender.send("gone".into());
            }
        }
    });
    Ok((address, asked))
}

const PAGE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";

#[tokio::test]
async fn a_page_is_fetched_and_kept_with_all_that_it_needs() -> Result<()> {
    for (language, file) in fetches() {
        fetched_and_kept(&file).await.with_context(|| format!("in {language}"))?;
    }
    Ok(())
}

async fn fetched_and_kept(file: &Path) -> Result<()> {
    let (address, mut asked) = server(PAGE).await?;
    let pages = tempfile::tempdir()?;
    let grants = Grants::default()
        .http(format!("http://{address}").parse()?)
        .environment("API_TOKEN", "t0ken")
        .folder(folder(pages.path(), "/pages", Access::Write));
    let (end, lines) = fetch(file, grants, &format!("http://{address}/a?b=c")).await?;
    let page = Payload::json(r#"{"status":200,"bytes":5}"#);
    anyhow::ensure!(end == AttemptEnd::Returned(Ok(page)), "{end:?}");
    assert_eq!(fs::read_to_string(pages.path().join("page"))?, "hello");
    let request = asked.recv().await.context("nothing was asked")?;
    assert!(request.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Bearer t0ken\r\n"), "{request}");
    assert_eq!(lines, [format!("kept 5 bytes of http://{address}/a?b=c")]);
    Ok(())
}

#[tokio::test]
async fn a_host_that_was_not_granted_is_denied_and_never_reached() -> Result<()> {
    let (address, mut asked) = server(PAGE).await?;
    let elsewhere = Grants::default().http("http://localhost".parse()?);
    for ((language, file), grants) in
        fetches().flat_map(|it| [(it.clone(), Grants::default()), (it, elsewhere.clone())])
    {
        let (end, lines) = fetch(&file, grants, &format!("http://{address}/")).await?;
        let message = failure(end)?.message;
        assert!(message.starts_with("the page cannot be had"), "{language}: {message}");
        let sentence = format!(
            "a request to http://{address} is denied: this activity was not granted that host"
        );
        assert_eq!(lines, [sentence]);
    }
    assert!(asked.try_recv().is_err());
    Ok(())
}

/// What stands before an `@` can be a password.
#[tokio::test]
async fn a_user_in_an_address_is_denied_and_not_logged() -> Result<()> {
    let (address, mut asked) = server(PAGE).await?;
    let grants = Grants::default().http(format!("http://{address}").parse()?);
    let (end, lines) =
        fetch(&guest("fetch"), grants, &format!("http://ada:secret@{address}/")).await?;
    failure(end)?;
    let why = "a host is named without a user before it";
    assert_eq!(lines, [format!("a request to http://{address} is denied: {why}")]);
    assert!(asked.try_recv().is_err());
    Ok(())
}

#[tokio::test]
async fn a_server_that_shows_no_trusted_certificate_is_refused() -> Result<()> {
    let (address, _asked) = server("this is no TLS").await?;
    let grants = Grants::default().http(format!("https://{address}").parse()?);
    let (end, _) = fetch(&guest("fetch"), grants, &format!("https://{address}/")).await?;
    let failure = failure(end)?;
    assert!(failure.message.contains("Tls"), "{}", failure.message);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_is_ended_hangs_up() -> Result<()> {
    let (address, mut asked) = server("").await?;
    let grants = Grants::default().http(format!("http://{address}").parse()?);
    let attempt = tokio::spawn(async move {
        let url = format!("http://{address}/");
        fetch(&guest("fetch"), grants, &url).await.map(|_| ())
    });
    asked.recv().await.context("nothing was asked")?;
    attempt.abort();
    assert_eq!(timeout(PATIENCE, asked.recv()).await?.as_deref(), Some("gone"));
    Ok(())
}
