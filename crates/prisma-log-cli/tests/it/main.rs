//! `plog` as its users run it.

mod alerts;
mod bad_input;
mod broken_config;
mod demo;
mod kill;
mod monitor;
mod recover;
mod rules;
mod signals;
mod sources;
mod support;
mod tail;
mod trace;
