//! How things look on a terminal.

pub(crate) mod alert;
pub(crate) mod error;
pub(crate) mod line;
pub(crate) mod lines;
pub(crate) mod progress;
pub(crate) mod queue;
pub(crate) mod record;
pub(crate) mod rule;
pub(crate) mod style;
pub(crate) mod terminal;
pub(crate) mod text;
pub(crate) mod trace;
