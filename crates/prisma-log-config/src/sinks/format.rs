//! How sinks write records.

use crate::scalars::words;

/// How a sink writes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A line for people: time, level, logger, message, fields.
    Text,
    /// One flat JSON object.
    Json,
    /// JSON by the Elastic Common Schema.
    Ecs,
    /// `key=value` pairs.
    Logfmt,
}
words!(
    Format,
    "a format: text, json, ecs or logfmt",
    Text = "text",
    Json = "json",
    Ecs = "ecs",
    Logfmt = "logfmt"
);
