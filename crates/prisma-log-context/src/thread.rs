//! Threads that start in the context of whoever starts them.

use std::thread::JoinHandle;

use crate::carry;

/// As [`std::thread::spawn`], in the context that is current now.
///
/// # Panics
/// When the operating system fails to start a thread, as in std.
pub fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::spawn(carry(f))
}

#[cfg(test)]
mod tests {
    use crate::Context;

    #[test]
    fn a_thread_is_in_the_context_of_its_maker() {
        let context = Context::new();
        let thread = context.run(|| super::spawn(Context::current));
        assert_eq!(thread.join().unwrap(), Some(context));
        assert_eq!(super::spawn(Context::current).join().unwrap(), None);
    }
}
