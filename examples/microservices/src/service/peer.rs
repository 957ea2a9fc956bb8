//! Calls to another service: each a span, whose position the called one continues.

use axum::http::{Method, Uri};
use prisma_log::tower::ClientCall;
use prisma_log::{InContext as _, Tracer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;
use crate::service::observed::Observed;
use crate::service::refusal::Refusal;

/// Connections that nobody used for so long are given up, before the other side does so.
const IDLE: std::time::Duration = std::time::Duration::from_secs(10);

/// Another service.
pub(crate) struct Peer {
    base: String,
    http: reqwest::Client,
    tracer: Tracer,
}

impl Peer {
    /// The service at this address, as in `http://127.0.0.1:8080`.
    pub(crate) fn new(base: &str, observed: &Observed) -> Result<Self, Error> {
        let http = reqwest::Client::builder().no_proxy().pool_idle_timeout(IDLE).build()?;
        Ok(Peer { base: base.to_owned(), http, tracer: observed.tracer() })
    }

    /// Calls it; `route` is the pattern that the path was made by. A refusal is handed on with its
    /// status, whatever else fails is a bad gateway.
    pub(crate) async fn call<R: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<R, Refusal> {
        let url = format!("{}{path}", self.base);
        let uri: Uri = url.parse().map_err(Refusal::internal)?;
        let mut request = self.http.request(method.clone(), url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut request = request.build().map_err(Refusal::internal)?;
        let call = ClientCall::start(&self.tracer, &method, &uri, request.headers_mut());
        let call = call.template(route);
        // In the call's span, so that what the client logs is there as well.
        let executed = self.http.execute(request).in_context(call.context().clone()).await;
        let response = match executed {
            Ok(response) => response,
            Err(why) => {
                call.failed(&why);
                return Err(Refusal::bad_gateway(why));
            }
        };
        let status = response.status();
        call.response(status);
        if status.is_success() {
            return response.json().await.map_err(Refusal::bad_gateway);
        }
        let said: Value = response.json().await.unwrap_or_default();
        let why = said["error"].as_str().unwrap_or("it does not say why");
        if status.is_client_error() {
            Err(Refusal::new(status, why))
        } else {
            Err(Refusal::bad_gateway(why))
        }
    }
}
