//! The methods of `OperatorService` that are built.

use super::system::search_attributes;
use super::{Frontend, answer};
use crate::generated::operator::operator_service_server::OperatorService;
use temporalio_protos::temporal::api::operatorservice::v1 as api;
use tonic::{Request, Response, Status, async_trait};

#[async_trait]
impl OperatorService for Frontend {
    async fn list_search_attributes(
        &self,
        request: Request<api::ListSearchAttributesRequest>,
    ) -> Result<Response<api::ListSearchAttributesResponse>, Status> {
        let listed = self.check_namespace(&request.get_ref().namespace).map(|()| {
            let system_attributes = search_attributes();
            api::ListSearchAttributesResponse { system_attributes, ..Default::default() }
        });
        answer(listed)
    }
}
