//! A host behind its gRPC server, and a client that sends any message to any method.

use prost::Message;
use sandglass_host::Host;
use sandglass_temporal::Server;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

/// The service that clients talk to.
pub const WORKFLOW_SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";

/// A host that is served on a port of its own.
pub struct FrontDoor {
    /// The host.
    pub host: Arc<Host>,
    channel: Channel,
    /// Where it is served: `127.0.0.1:PORT`.
    pub address: String,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl FrontDoor {
    /// Serves that host.
    ///
    /// # Panics
    /// If no port of this machine can be had.
    pub async fn open(host: Host) -> FrontDoor {
        FrontDoor::with(host, |server| server).await
    }

    /// Serves that host with a server that was told more.
    ///
    /// # Panics
    /// If no port of this machine can be had.
    pub async fn with(host: Host, told: impl FnOnce(Server) -> Server) -> FrontDoor {
        let host = Arc::new(host);
        let any = "127.0.0.1:0".parse().expect("an address");
        let server = told(Server::bind(any, None, false).await.expect("a free port"));
        let address = server.address().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = Arc::clone(&host);
        let serving = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            server.serve(&served, stopped, Duration::from_secs(5)).await.expect("it serves");
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        FrontDoor { host, channel: endpoint.connect_lazy(), address, stop: Some(stop), serving }
    }

    /// Sends a message to a method of the workflow service, compressed as Temporal's clients do.
    ///
    /// # Errors
    /// What the server answers.
    pub async fn call<A, B>(&self, method: &str, message: A) -> Result<B, Status>
    where
        A: Message + Send + Sync + 'static,
        B: Message + Default + Send + Sync + 'static,
    {
        self.request(WORKFLOW_SERVICE, method, Request::new(message)).await
    }

    /// Sends a request to any method.
    ///
    /// # Errors
    /// What the server answers.
    ///
    /// # Panics
    /// If the method's name is none.
    pub async fn request<A, B>(
        &self,
        service: &str,
        method: &str,
        request: Request<A>,
    ) -> Result<B, Status>
    where
        A: Message + Send + Sync + 'static,
        B: Message + Default + Send + Sync + 'static,
    {
        request_on(self.channel.clone(), service, method, request).await
    }

    /// What tells the server to stop.
    pub fn stopper(&mut self) -> impl FnOnce() + use<> {
        let stop = self.stop.take();
        move || {
            if let Some(stop) = stop {
                // A server that has broken off does not listen; who closes the door is told.
                let _ = stop.send(());
            }
        }
    }

    /// A connection of one's own.
    ///
    /// # Errors
    /// There is none to be had.
    ///
    /// # Panics
    /// If the server's address is none.
    pub async fn connect(&self) -> Result<Channel, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address));
        endpoint.expect("an address").connect().await
    }

    /// Stops the server, then drops the host as a crash would.
    ///
    /// # Panics
    /// If the server broke off.
    pub async fn close(mut self) {
        self.stopper()();
        self.serving.await.expect("the server stops");
    }
}

/// Sends a request to any method, on that connection.
///
/// # Errors
/// What the server answers.
///
/// # Panics
/// If the method's name is none.
pub async fn request_on<A, B>(
    channel: Channel,
    service: &str,
    method: &str,
    request: Request<A>,
) -> Result<B, Status>
where
    A: Message + Send + Sync + 'static,
    B: Message + Default + Send + Sync + 'static,
{
    let mut client = Grpc::new(channel)
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    client.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    let path: PathAndQuery = format!("/{service}/{method}").parse().expect("a method's name");
    let answer = client.unary(request, path, ProstCodec::<A, B>::default()).await?;
    Ok(answer.into_inner())
}
