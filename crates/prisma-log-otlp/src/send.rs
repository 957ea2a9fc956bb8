//! Requests over HTTP, and what servers make of them.

mod answer;
mod back_off;
mod endpoint;
mod retry_after;
mod sender;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "send/tls_absent.rs"]
mod tls;

pub(crate) use answer::{Answer, Later, Outcome};
pub(crate) use back_off::BackOff;
pub(crate) use endpoint::Endpoint;
pub(crate) use sender::{Headers, Sender, Way};
