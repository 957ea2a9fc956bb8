//! Which context the calling thread is in.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::Arc;

use prisma_log_core::{ContextData, ContextSource};

use crate::context::{Context, Inner};

/// What the scope of a number has made the thread be in; none is no context.
type Entered = (u64, Option<Arc<Inner>>);

#[derive(Default)]
struct Stack {
    /// Outermost first.
    entered: Vec<Entered>,
    last_number: u64,
}

thread_local! {
    static STACK: RefCell<Stack> = const { RefCell::new(Stack { entered: Vec::new(), last_number: 0 }) };
}

thread_local! {
    /// Version of the innermost context; apart from the stack, because it is read on every log call.
    static VERSION: Cell<u64> = const { Cell::new(0) };
}

/// A number that tells contexts apart: it is the same wherever and whenever the calling thread is in
/// the same context, and no other context has it. 0 is no context.
///
/// A front end that keeps what it made of a context compares this, which costs a load, instead of
/// asking for the context.
#[inline]
pub fn version() -> u64 {
    VERSION.get()
}

/// Lends the calling thread's context, if it is in one, without cloning it.
pub fn with_current<R>(f: impl FnOnce(Option<&ContextData>) -> R) -> R {
    let inner = current();
    f(inner.as_ref().map(|inner| &*inner.data))
}

/// The innermost context of the calling thread; none in a thread-local destructor that runs
/// after ours.
pub(crate) fn current() -> Option<Arc<Inner>> {
    let innermost = |stack: &RefCell<Stack>| stack.borrow().entered.last()?.1.clone();
    STACK.try_with(innermost).ok().flatten()
}

fn version_of(context: &Option<Arc<Inner>>) -> u64 {
    context.as_ref().map_or(0, |inner| inner.version)
}

/// Keeps a context current on the thread that entered it; leaves it when dropped.
///
/// Scopes are left innermost first. A scope that goes while inner ones are still there takes
/// them with it: the thread is then in no context that has already ended.
///
/// A scope stays on its thread, so it can't be held across an `.await` of a task that moves
/// between threads:
///
/// ```compile_fail,E0277
/// fn must_be_send<T: Send>(_: T) {}
/// must_be_send(prisma_log_context::Context::new().enter());
/// ```
#[derive(Debug)]
#[must_use = "the context is left at once when the scope is not kept: `let _scope = …`"]
pub struct Scope {
    number: u64,
    stays_on_its_thread: PhantomData<*const ()>,
}

impl Scope {
    /// Enters a context, or leaves all of them for a while.
    pub(crate) fn enter(context: Option<Arc<Inner>>) -> Self {
        let version = version_of(&context);
        let entered = STACK.try_with(|stack| {
            let mut stack = stack.borrow_mut();
            stack.last_number += 1;
            let number = stack.last_number;
            stack.entered.push((number, context));
            VERSION.set(version);
            number
        });
        // Too late in the thread's life to be in a context: no scope has number 0.
        Scope { number: entered.unwrap_or(0), stays_on_its_thread: PhantomData }
    }
}

impl Scope {
    /// Enters a context, or none.
    pub(crate) fn of(context: Option<&Context>) -> Self {
        Scope::enter(context.map(Context::inner))
    }

    /// Keeps the scope as a number, where it is sure to be left on the same thread.
    pub(crate) fn into_number(self) -> u64 {
        let number = self.number;
        std::mem::forget(self);
        number
    }

    /// The scope of this number again.
    pub(crate) fn of_number(number: u64) -> Self {
        Scope { number, stays_on_its_thread: PhantomData }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let left = STACK.try_with(|stack| {
            let entered = &mut stack.borrow_mut().entered;
            let inner = match entered.last()?.0 == self.number {
                // The usual way.
                true => None,
                false => Some(take_inner(entered, self.number)?),
            };
            let left = entered.pop();
            VERSION.set(entered.last().map_or(0, |(_, context)| version_of(context)));
            Some((left, inner))
        });
        // Dropped here, outside the borrow.
        drop(left);
    }
}

/// Takes the scopes within the one of this number off.
#[cold]
#[inline(never)]
fn take_inner(entered: &mut Vec<Entered>, number: u64) -> Option<Vec<Entered>> {
    let at = entered.iter().rposition(|&(entered, _)| entered == number)?;
    Some(entered.split_off(at + 1))
}

/// Hands the calling thread's context to the front end.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadContext;

impl ContextSource for ThreadContext {
    fn current(&self) -> Option<Arc<ContextData>> {
        current().map(|inner| Arc::clone(&inner.data))
    }
}

#[cfg(test)]
mod tests {
    use super::version;
    use crate::Context;

    #[test]
    fn scopes_nest_and_restore() {
        assert_eq!(Context::current(), None);
        assert_eq!(version(), 0);
        let outer = Context::new().user_id("outer");
        let scope = outer.enter();
        assert_eq!(Context::current().as_ref(), Some(&outer));
        let outer_version = version();
        {
            let inner = outer.child();
            let _scope = inner.enter();
            assert_eq!(Context::current(), Some(inner));
            assert_ne!(version(), outer_version);
        }
        assert_eq!(Context::current(), Some(outer));
        assert_eq!(version(), outer_version);
        drop(scope);
        assert_eq!(Context::current(), None);
        assert_eq!(version(), 0);
    }

    #[test]
    fn leaving_out_of_order_never_brings_an_ended_context_back() {
        let first = Context::new().enter();
        let second = Context::new().enter();
        drop(first);
        assert_eq!(Context::current(), None);
        let third = Context::new();
        let _scopes = (Context::new().enter(), third.enter());
        drop(second);
        assert_eq!(Context::current(), Some(third));
    }

    #[test]
    fn threads_do_not_share_a_context() {
        let _scope = Context::new().enter();
        let other = std::thread::spawn(Context::current).join().unwrap();
        assert_eq!(other, None);
    }
}
