//! What the server says of itself. Only what is true is said.

use super::Frontend;
use crate::refusal::Refusal;
use temporalio_protos::temporal::api::enums::v1::NamespaceState;
use temporalio_protos::temporal::api::namespace::v1 as namespace;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

/// The one namespace's id: nothing depends on it, but clients expect one.
const NAMESPACE_ID: &str = "5a6e6461-7465-4c61-9573-64656661756c";

impl Frontend {
    pub(super) async fn system_info(
        &self,
        _: Request<api::GetSystemInfoRequest>,
    ) -> Result<api::GetSystemInfoResponse, Refusal> {
        use api::get_system_info_response::Capabilities;
        Ok(api::GetSystemInfoResponse {
            server_version: env!("CARGO_PKG_VERSION").into(),
            capabilities: Some(Capabilities {
                signal_and_query_header: true,
                internal_error_differentiation: true,
                activity_failure_include_heartbeat: true,
                encoded_failure_attributes: true,
                ..Capabilities::default()
            }),
        })
    }

    pub(super) async fn namespace(
        &self,
        request: Request<api::DescribeNamespaceRequest>,
    ) -> Result<api::DescribeNamespaceResponse, Refusal> {
        let request = request.into_inner();
        match (request.namespace.as_str(), request.id.as_str()) {
            ("", NAMESPACE_ID) => {}
            ("", "") => return Err(Refusal::Invalid("Namespace not set on request.".into())),
            ("", id) => return Err(Refusal::NamespaceNotFound(id.into())),
            (name, _) => self.check_namespace(name)?,
        }
        let blob_bytes_max = i64::try_from(self.client.limits().blob_bytes_max);
        let blob_bytes_max = blob_bytes_max.unwrap_or(i64::MAX);
        Ok(api::DescribeNamespaceResponse {
            namespace_info: Some(namespace::NamespaceInfo {
                name: self.namespace.clone(),
                state: NamespaceState::Registered.into(),
                id: NAMESPACE_ID.into(),
                capabilities: Some(namespace::namespace_info::Capabilities::default()),
                limits: Some(namespace::namespace_info::Limits {
                    blob_size_limit_error: blob_bytes_max,
                    memo_size_limit_error: blob_bytes_max,
                    ..Default::default()
                }),
                ..Default::default()
            }),
            // None: what is closed stays until it is deleted. The command does not print what is absent.
            config: Some(namespace::NamespaceConfig {
                workflow_execution_retention_ttl: Some(prost_types::Duration::default()),
                ..Default::default()
            }),
            replication_config: Some(Default::default()),
            ..Default::default()
        })
    }

    /// A worker says that it stops. Its polls end with their connections, so there is nothing to do.
    pub(super) async fn worker_stops(
        &self,
        request: Request<api::ShutdownWorkerRequest>,
    ) -> Result<api::ShutdownWorkerResponse, Refusal> {
        self.check_namespace(&request.get_ref().namespace)?;
        Ok(api::ShutdownWorkerResponse::default())
    }
}
