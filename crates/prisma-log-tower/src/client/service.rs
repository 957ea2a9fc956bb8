//! The service that stands around a client.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as Polling, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::call::ClientCall;
use super::settings::Settings;
use crate::future::{TracedFuture, Watch};

/// A client in a [`ClientLayer`](crate::ClientLayer).
#[derive(Clone)]
pub struct ClientService<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<Settings>,
}

impl<S, B, R> Service<Request<B>> for ClientService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Display,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TracedFuture<S::Future>;

    fn poll_ready(&mut self, polling: &mut Polling<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(polling)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let template = self.settings.template.as_ref().and_then(|of| of(&head.extensions));
        let call =
            ClientCall::begin(&self.settings, &head.method, &head.uri, &mut head.headers, template);
        let request = Request::from_parts(head, body);
        Watch::Client(call).call(|| self.inner.call(request))
    }
}

impl<S: fmt::Debug> fmt::Debug for ClientService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
