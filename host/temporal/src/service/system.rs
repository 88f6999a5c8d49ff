//! What the server says of itself. Only what is true is said.

use super::Frontend;
use crate::refusal::Refusal;
use crate::visibility::FIELDS;
use std::collections::HashMap;
use temporalio_protos::temporal::api::enums::v1::{ArchivalState, NamespaceState};
use temporalio_protos::temporal::api::namespace::v1 as namespace;
use temporalio_protos::temporal::api::replication::v1::{
    ClusterReplicationConfig, NamespaceReplicationConfig,
};
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

/// The one namespace's id: nothing depends on it, but clients expect one.
const NAMESPACE_ID: &str = "5a6e6461-7465-4c61-9573-64656661756c";

/// The name of the one cluster; a single server of Temporal's has the same.
const CLUSTER: &str = "active";

/// Clients that can talk to it, by the names and versions that they send, as Temporal lists them.
const CLIENTS: [(&str, &str); 7] = [
    ("temporal-cli", "<2.0.0"),
    ("temporal-go", "<2.0.0"),
    ("temporal-java", "<2.0.0"),
    ("temporal-php", "<2.0.0"),
    ("temporal-server", "<2.0.0"),
    ("temporal-typescript", "<2.0.0"),
    ("temporal-ui", "<3.0.0"),
];

/// What queries can name, and its type.
pub(super) fn search_attributes() -> HashMap<String, i32> {
    FIELDS.iter().map(|(name, field)| ((*name).into(), field.value_type().into())).collect()
}

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
        Ok(self.the_namespace())
    }

    /// There is one.
    pub(super) async fn namespaces(
        &self,
        _: Request<api::ListNamespacesRequest>,
    ) -> Result<api::ListNamespacesResponse, Refusal> {
        let namespaces = vec![self.the_namespace()];
        Ok(api::ListNamespacesResponse { namespaces, next_page_token: Vec::new() })
    }

    fn the_namespace(&self) -> api::DescribeNamespaceResponse {
        let blob_bytes_max = i64::try_from(self.client.limits().blob_bytes_max);
        let blob_bytes_max = blob_bytes_max.unwrap_or(i64::MAX);
        api::DescribeNamespaceResponse {
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
                history_archival_state: ArchivalState::Disabled.into(),
                visibility_archival_state: ArchivalState::Disabled.into(),
                ..Default::default()
            }),
            replication_config: Some(NamespaceReplicationConfig {
                active_cluster_name: CLUSTER.into(),
                clusters: vec![ClusterReplicationConfig {
                    cluster_name: CLUSTER.into(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    pub(super) async fn cluster(
        &self,
        _: Request<api::GetClusterInfoRequest>,
    ) -> Result<api::GetClusterInfoResponse, Refusal> {
        let clients = CLIENTS.map(|(name, versions)| (name.into(), versions.into()));
        Ok(api::GetClusterInfoResponse {
            supported_clients: clients.into(),
            server_version: env!("CARGO_PKG_VERSION").into(),
            cluster_id: NAMESPACE_ID.into(),
            cluster_name: CLUSTER.into(),
            history_shard_count: 1,
            persistence_store: self.client.store_name().into(),
            visibility_store: self.client.store_name().into(),
            ..Default::default()
        })
    }

    /// What queries can name.
    pub(super) async fn search_attributes(
        &self,
        _: Request<api::GetSearchAttributesRequest>,
    ) -> Result<api::GetSearchAttributesResponse, Refusal> {
        Ok(api::GetSearchAttributesResponse { keys: search_attributes() })
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
