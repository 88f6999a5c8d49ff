//! What an attempt reaches of the machine: the real clocks and randomness, its output, and what was granted. That is WASI 0.2 as wasmtime has
//! it; sockets of its own no guest has.

use crate::wasm::grants::{Access, Grants};
use crate::wasm::limits::Limits;
use crate::wasm::log::{Level, Output, Stream};
use bytes::Bytes;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use std::future::ready;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use tokio::sync::Semaphore;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxView};
use wasmtime_wasi_http::{
    Error, RequestOptions, Result, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
    default_send_request,
};

/// What a guest writes goes to one place, by way of `log`, its standard streams, or what the host has to say.
pub(super) type SharedOutput = Arc<Mutex<Output>>;

/// The state of one attempt's WASI.
pub(super) struct Outside {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    requests: Requests,
    table: ResourceTable,
}

impl Outside {
    /// Opens the folders that are granted.
    pub(super) fn open(
        grants: &Arc<Grants>,
        output: &SharedOutput,
        limits: &Limits,
    ) -> wasmtime::Result<Outside> {
        let mut wasi = WasiCtx::builder();
        // An attempt has a thread of its own: it may wait for the disk there. (Before the folders: they look at it.)
        wasi.allow_blocking_current_thread(true);
        wasi.stdout(Standard { stream: Stream::Stdout, output: Arc::clone(output) });
        wasi.stderr(Standard { stream: Stream::Stderr, output: Arc::clone(output) });
        for (name, value) in &grants.environment {
            wasi.env(name, value);
        }
        for folder in &grants.folders {
            let access = match folder.access {
                Access::Read => FsPerms::ReadOnly,
                Access::Write => FsPerms::ReadWrite,
            };
            wasi.preopened_dir(&folder.path, &folder.name, access)?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.activity_resources);
        Ok(Outside {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            requests: Requests {
                grants: Arc::clone(grants),
                output: Arc::clone(output),
                free: Arc::new(Semaphore::new(limits.http_requests)),
            },
            table,
        })
    }

    pub(super) fn wasi(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }

    pub(super) fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.requests, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Lets those requests through that are granted.
struct Requests {
    grants: Arc<Grants>,
    output: SharedOutput,
    free: Arc<Semaphore>,
}

type Answer = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Requests {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer>> + Send> {
        if !self.grants.allows(request.uri()) {
            self.tell_denied(request.uri());
            return Box::new(ready(Err(Error::HttpRequestDenied)));
        }
        let Ok(slot) = Arc::clone(&self.free).try_acquire_owned() else {
            return Box::new(ready(Err(Error::ConnectionLimitReached)));
        };
        Box::new(async move {
            let (response, connection) = default_send_request(request, options).await?;
            let connection = Box::new(async move {
                let _until_it_ends = slot;
                connection.await
            });
            Ok((response.map(BodyExt::boxed_unsync), connection as _))
        })
    }
}

impl Requests {
    /// The guest has only the word "denied" for it. A log that is full keeps no line: the guest is not to fail for the host's words.
    fn tell_denied(&self, uri: &http::Uri) {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let (why, host) = match authority.rsplit_once('@') {
            // Which may be a password, and is not for the log.
            Some((_, host)) => ("a host is named without a user before it", host),
            None => ("this activity was not granted that host", authority),
        };
        let sentence = format!("a request to {scheme}://{host} is denied: {why}");
        let _ = self.output.lock().log(Level::Warn, &sentence);
    }
}

/// Standard output or standard error.
#[derive(Clone)]
struct Standard {
    stream: Stream,
    output: SharedOutput,
}

impl Standard {
    /// Bytes taken in one call.
    const AT_ONCE: usize = 64 * 1024;
}

impl IsTerminal for Standard {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Standard {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl OutputStream for Standard {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // Who has written too much is ended, like in a workflow.
        let written = self.output.lock().write(self.stream, &bytes);
        written.map_err(|hit| StreamError::Trap(hit.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(Standard::AT_ONCE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Standard {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Standard {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.output.lock().write(self.stream, bytes);
        Poll::Ready(written.map(|()| bytes.len()).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
