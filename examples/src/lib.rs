//! Examples, one file per task, under `examples/`: `cargo run -p prisma-log-examples --example NAME`.
#![forbid(unsafe_code)]

// The code in these pages is compiled and run as documentation tests of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/configuration.md")]
mod configuration {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/logging.md")]
mod logging {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/plain-slog.md")]
mod plain_slog {}
