//! One module per command.

pub(crate) mod alerts;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod monitor;
pub(crate) mod recover;
pub(crate) mod rules;
pub(crate) mod tail;
pub(crate) mod trace;
