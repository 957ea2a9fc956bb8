//! The future of both layers: runs the inner one in the span, and tells how it ended.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context as Polling, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use prisma_log_context::Context;

use crate::client::ClientCall;
use crate::server::Exchange;

/// What is known about a request or call that is under way; dropped before it is told how that
/// ended, it was cancelled.
pub(crate) enum Watch {
    Server(Exchange),
    Client(ClientCall),
}

impl Watch {
    fn context(&self) -> &Context {
        match self {
            Watch::Server(exchange) => exchange.context(),
            Watch::Client(call) => call.context(),
        }
    }

    fn ended<R, E: fmt::Display>(&mut self, result: &mut Result<Response<R>, E>) {
        match (self, result) {
            (Watch::Server(exchange), Ok(response)) => exchange.responded(response),
            (Watch::Server(exchange), Err(error)) => exchange.failed(error),
            (Watch::Client(call), Ok(response)) => {
                call.responded(response.status(), response.headers());
            }
            (Watch::Client(call), Err(error)) => call.broke(error),
        }
    }

    fn panicked(&mut self, payload: &(dyn Any + Send)) {
        let message = match payload.downcast_ref::<String>() {
            Some(message) => message,
            None => payload.downcast_ref::<&str>().copied().unwrap_or_default(),
        };
        match self {
            Watch::Server(exchange) => exchange.panicked(message),
            Watch::Client(call) => call.panicked(message),
        }
    }

    /// Calls the inner service in the span.
    pub(crate) fn call<F>(mut self, call: impl FnOnce() -> F) -> TracedFuture<F> {
        let scope = self.context().enter();
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(inner) => {
                drop(scope);
                TracedFuture { inner: Some(inner), watch: self }
            }
            Err(payload) => {
                self.panicked(&*payload);
                resume_unwind(payload)
            }
        }
    }
}

pin_project! {
    /// The response of a service that [`ServerLayer`](crate::ServerLayer) or
    /// [`ClientLayer`](crate::ClientLayer) wraps.
    ///
    /// Runs the service's own future in the span's context, wherever it is polled, and drops it
    /// there.
    pub struct TracedFuture<F> {
        #[pin]
        inner: Option<F>,
        watch: Watch,
    }

    impl<F> PinnedDrop for TracedFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let _scope = this.watch.context().enter();
                this.inner.set(None);
            }
        }
    }
}

impl<F, R, E> Future for TracedFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: fmt::Display,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let scope = this.watch.context().enter();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            panic!("a future was polled again after it had ended");
        };
        let polled = catch_unwind(AssertUnwindSafe(|| inner.poll(polling)));
        let ended = match polled {
            Ok(polled) => Ok(ready!(polled)),
            Err(payload) => Err(payload),
        };
        // What the future held goes within the span as well.
        this.inner.set(None);
        drop(scope);
        match ended {
            Ok(mut result) => {
                this.watch.ended(&mut result);
                Poll::Ready(result)
            }
            Err(payload) => {
                this.watch.panicked(&*payload);
                resume_unwind(payload)
            }
        }
    }
}

impl<F> fmt::Debug for TracedFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedFuture")
            .field("context", self.watch.context())
            .finish_non_exhaustive()
    }
}
