//! What only the operating system can do: mappings, fences, exit and fork hooks, signals.
//!
//! Linux is what is tested. Other Unix systems get the same calls, less what only Linux has; the
//! rest of the world gets a fallback that keeps records in plain memory and hears no signals. Both
//! compile, and are untried.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use other::*;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(test)]
mod tests;
