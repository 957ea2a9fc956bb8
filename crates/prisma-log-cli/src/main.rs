//! The `plog` command: watch logs, act on alerts, read log files, follow traces, recover what killed
//! processes left, check configuration.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod exit;
mod files;
mod interrupt;
mod present;
mod trace;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    present::style::choose(args.color);
    let outcome = match args.command {
        Command::Demo(args) => commands::demo::run(&args),
        Command::Monitor(args) => commands::monitor::run(&args),
        Command::Alerts(args) => commands::alerts::run(args),
        Command::Rules(args) => commands::rules::run(args),
        Command::Tail(args) => commands::tail::run(&args),
        Command::Trace(args) => commands::trace::run(&args),
        Command::Recover(args) => commands::recover::run(&args),
        Command::Config(args) => commands::config::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
