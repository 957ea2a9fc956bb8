//! The service that stands around a server's own.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as Polling, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::exchange::Exchange;
use super::settings::Settings;
use crate::future::{TracedFuture, Watch};

/// A service in a [`ServerLayer`](crate::ServerLayer).
#[derive(Clone)]
pub struct ServerService<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<Settings>,
}

impl<S, B, R> Service<Request<B>> for ServerService<S>
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let exchange = Exchange::begin(&self.settings, &mut request);
        Watch::Server(exchange).call(|| self.inner.call(request))
    }
}

impl<S: fmt::Debug> fmt::Debug for ServerService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
