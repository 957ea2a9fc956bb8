//! All chores of the project: `cargo xtask CHORE`. CI calls these and holds no logic of its own.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "talking to a person is its job")]

mod bench;
mod ci;
mod cli;
mod docs;
mod examples;
mod faults;
mod features;
mod finding;
mod floorplan;
mod manifest;
mod mask;
mod microservices;
mod minimal;
mod shell;
mod test;
mod tidy;
mod weight;
mod workspace;

use std::process::ExitCode;

use cli::Chore;

/// Every chore, in the order in which `--help` lists them.
static CHORES: [&Chore; 9] = [
    &ci::CHORE,
    &test::CHORE,
    &floorplan::CHORE,
    &tidy::CHORE,
    &docs::CHORE,
    &features::CHORE,
    &bench::CHORE,
    &faults::CHORE,
    &microservices::CHORE,
];

fn main() -> ExitCode {
    cli::main(&CHORES, std::env::args().skip(1).collect())
}
