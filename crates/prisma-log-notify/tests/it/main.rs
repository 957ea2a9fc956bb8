//! The notifiers against receivers: programs, servers that fail, a real Alertmanager, a mail server.

#[cfg(feature = "webhook")]
mod alertmanager;
#[cfg(any(feature = "email", feature = "webhook"))]
mod authority;
mod command;
#[cfg(feature = "email")]
mod email;
#[cfg(feature = "webhook")]
mod flaky;
#[cfg(feature = "webhook")]
mod receiver;
mod support;
#[cfg(feature = "syslog")]
mod syslog;
#[cfg(feature = "webhook")]
mod tls;
#[cfg(feature = "webhook")]
mod webhook;
