//! The syslog sink against doubles of servers, and its messages against a strict parser.

mod contract;
mod cuts;
mod datagrams;
mod fork;
mod frames;
mod parser;
mod servers;
mod streams;
mod support;
#[cfg(feature = "tls")]
mod tls;
