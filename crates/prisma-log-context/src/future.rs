//! Futures that run in a context, on whichever thread they are polled.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::scope::Scope;
use crate::{Context, Span};

/// Puts futures in a context.
pub trait InContext: Future + Sized {
    /// Runs in this context wherever it is polled, and is dropped in it.
    ///
    /// ```
    /// # fn spawn<F: Future + Send + 'static>(_: F) {}
    /// use prisma_log_context::{Context, InContext};
    ///
    /// let request = Context::new().request_id("req789");
    /// spawn(async { /* records logged here carry request_id */ }.in_context(request));
    /// ```
    fn in_context(self, context: Context) -> impl Future<Output = Self::Output> {
        within(Some(context), self)
    }

    /// Runs in the context that is current now, or in none if there is none now.
    fn in_current_context(self) -> impl Future<Output = Self::Output> {
        within(Context::current(), self)
    }

    /// Runs in this span, which ends when the future does or is dropped.
    fn in_span(self, span: Span) -> impl Future<Output = Self::Output> {
        async move {
            let output = within(Some(span.context().clone()), self).await;
            span.end();
            output
        }
    }
}

impl<F: Future> InContext for F {}

async fn within<F: Future>(context: Option<Context>, future: F) -> F::Output {
    // When the future goes, what it holds is dropped in the context as well: `entering` goes first,
    // then the future, then `leaving`.
    let scope = AtomicU64::new(0);
    let _leaving = Leaving(&scope);
    let mut future = pin!(future);
    let _entering = Entering { context: &context, scope: &scope };
    poll_fn(|polling| {
        let _scope = Scope::of(context.as_ref());
        future.as_mut().poll(polling)
    })
    .await
}

struct Entering<'a> {
    context: &'a Option<Context>,
    scope: &'a AtomicU64,
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        let scope = Scope::of(self.context.as_ref());
        self.scope.store(scope.into_number(), Ordering::Relaxed);
    }
}

struct Leaving<'a>(&'a AtomicU64);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        // The same thread: both go in one `drop`.
        drop(Scope::of_number(self.0.load(Ordering::Relaxed)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::task::{Poll, Waker};

    use super::*;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<Option<Context>>>>);

    impl Seen {
        fn note(&self) {
            self.0.lock().unwrap().push(Context::current());
        }
    }

    /// Notes the context that it is dropped in.
    struct OnDrop(Seen);

    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.note();
        }
    }

    async fn twice(seen: Seen) {
        let _on_drop = OnDrop(seen.clone());
        seen.note();
        let mut first = true;
        poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }).await;
        seen.note();
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(Waker::noop()))
    }

    #[test]
    fn polls_and_drops_happen_in_the_context() {
        let context = Context::new();
        let seen = Seen::default();
        let mut future = Box::pin(twice(seen.clone()).in_context(context.clone()));
        assert!(poll(future.as_mut()).is_pending());
        assert_eq!(Context::current(), None);
        // Polled by another thread, which is in another context.
        let other = Context::new();
        let _scope = other.enter();
        assert!(poll(future.as_mut()).is_ready());
        assert_eq!(Context::current(), Some(other.clone()));
        let seen_then = std::mem::take(&mut *seen.0.lock().unwrap());
        assert_eq!(seen_then, vec![Some(context.clone()); 3]);

        let mut dropped = Box::pin(twice(seen.clone()).in_context(context.clone()));
        assert!(poll(dropped.as_mut()).is_pending());
        drop(dropped);
        assert_eq!(Context::current(), Some(other));
        assert_eq!(*seen.0.lock().unwrap(), vec![Some(context); 2]);
    }

    #[test]
    fn none_is_a_context_too() {
        let seen = Seen::default();
        let mut future = Box::pin(twice(seen.clone()).in_current_context());
        let _scope = Context::new().enter();
        assert!(poll(future.as_mut()).is_pending());
        assert!(poll(future.as_mut()).is_ready());
        assert_eq!(*seen.0.lock().unwrap(), vec![None; 3]);
    }

    #[test]
    fn futures_in_a_context_may_move_between_threads() {
        fn must_be_send<T: Send>(_: &T) {}
        must_be_send(&async {}.in_context(Context::new()));
    }
}
