//! API keys: who has none is refused by every method, and nobody can read them.

use crate::{NAMESPACE, builder};
use prost::Message;
use sandglass_temporal::{ApiKeys, ServeError, Server};
use sandglass_tests::front_door::{FrontDoor, WORKFLOW_SERVICE};
use temporalio_protos::google::rpc;
use temporalio_protos::grpc::health::v1 as health;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::{Code, Request, Status};

async fn describe(door: &FrontDoor, authorization: Option<&'static str>) -> Result<(), Status> {
    let mut request = Request::new(api::DescribeNamespaceRequest {
        namespace: NAMESPACE.into(),
        ..Default::default()
    });
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", value.parse().expect("ASCII"));
    }
    let described: Result<api::DescribeNamespaceResponse, _> =
        door.request(WORKFLOW_SERVICE, "DescribeNamespace", request).await;
    described.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_key_is_refused_everywhere_but_at_the_health_check() {
    let keys = ApiKeys::parse("# two of them\nalpha\n\nbeta\n").expect("keys");
    let host = builder().start().await.expect("a host");
    let door = FrontDoor::with(host, |server| server.api_keys(keys).expect("loopback")).await;
    for good in ["Bearer alpha", "bearer beta"] {
        describe(&door, Some(good)).await.expect(good);
    }
    for bad in [None, Some("Bearer gamma"), Some("Bearer"), Some("alpha"), Some("Bearer alph")] {
        let refused = describe(&door, bad).await.expect_err("no key");
        assert_eq!(refused.code(), Code::PermissionDenied, "{bad:?}");
        assert_eq!(refused.message(), "Request unauthorized.");
        let details = rpc::Status::decode(refused.details()).expect("details").details;
        assert!(details[0].type_url.ends_with("PermissionDeniedFailure"), "{details:?}");
    }
    // A method that there is not tells nothing to who may not call.
    for method in ["ListSchedules", "NoSuchMethod"] {
        let refused: Result<api::ListSchedulesResponse, _> =
            door.call(method, api::ListSchedulesRequest::default()).await;
        assert_eq!(refused.expect_err("no key").code(), Code::PermissionDenied, "{method}");
    }
    let check = health::HealthCheckRequest { service: WORKFLOW_SERVICE.into() };
    let healthy: health::HealthCheckResponse =
        door.request("grpc.health.v1.Health", "Check", Request::new(check)).await.expect("no key");
    assert_eq!(healthy.status, 1);
    door.close().await;
}

#[tokio::test]
async fn keys_do_not_go_in_the_clear_where_others_listen() {
    let any = "0.0.0.0:0".parse().expect("an address");
    let server = Server::bind(any, None, true).await.expect("it was meant");
    let keys = ApiKeys::parse("alpha").expect("a key");
    assert!(matches!(server.api_keys(keys), Err(ServeError::KeysExposed { .. })));
}
