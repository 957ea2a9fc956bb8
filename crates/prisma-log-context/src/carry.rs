//! Closures that run in the context they were made in.

use crate::Context;
use crate::scope::Scope;

/// Wraps a closure so that it runs, wherever that is, in the context that is current now, or in none
/// if there is none now.
///
/// ```
/// use prisma_log_context::{Context, carry};
///
/// let context = Context::new();
/// let work = context.run(|| carry(|| Context::current()));
/// assert_eq!(std::thread::spawn(work).join().unwrap(), Some(context));
/// ```
pub fn carry<R>(f: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let context = Context::current();
    move || {
        let _scope = Scope::of(context.as_ref());
        f()
    }
}
