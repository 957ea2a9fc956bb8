//! Examples, one file per task, under `examples/`: `cargo run -p prisma-log-examples --example NAME`.
#![forbid(unsafe_code)]

// The code in these pages is compiled and run as documentation tests of this crate;
// `cargo xtask docs` tells which page is missing here.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/alerts.md")]
mod alerts {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/bridges.md")]
mod bridges {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/getting-started.md")]
mod getting_started {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/http.md")]
mod http {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/monitoring.md")]
mod monitoring {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/noise.md")]
mod noise {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/notifiers.md")]
mod notifiers {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/otlp.md")]
mod otlp {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/plain-slog.md")]
mod plain_slog {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/queue.md")]
mod queue {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/tracing.md")]
mod tracing {}
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
