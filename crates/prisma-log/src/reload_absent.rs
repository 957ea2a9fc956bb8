//! Stands in for reloading in programs that are built without configuration.

/// There is never a configuration.
#[derive(Debug)]
pub(crate) enum Configured {}
