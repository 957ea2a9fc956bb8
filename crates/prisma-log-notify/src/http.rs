//! Requests over HTTP.

mod answer;
mod client;
mod endpoint;
mod options;
mod retry_after;
mod tls;

pub use options::HttpOptions;

pub(crate) use client::Client;
pub(crate) use endpoint::Endpoint;
