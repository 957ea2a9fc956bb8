//! Tokio tasks that run in the context of whoever spawns them.
//!
//! These hand out tokio's own types; the feature `tokio` follows tokio 1.

use ::tokio::task::JoinHandle;

use crate::{InContext as _, carry};

/// As [`::tokio::spawn`], in the context that is current now, whichever threads poll it.
///
/// # Panics
/// Outside a tokio runtime, as in tokio.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    ::tokio::spawn(future.in_current_context())
}

/// As [`::tokio::task::spawn_blocking`], in the context that is current
/// now.
///
/// # Panics
/// Outside a tokio runtime, as in tokio.
#[track_caller]
pub fn spawn_blocking<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    ::tokio::task::spawn_blocking(carry(f))
}
