//! What can be said on the command line.

mod alerts;
mod monitor;
mod rules;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use prisma_log_core::{Level, TraceId};

pub(crate) use alerts::{
    AlertsAction, AlertsArgs, ByArgs, FilterArgs, Moment, SilenceAction, StateArg,
};
pub(crate) use monitor::{Listen, MonitorArgs};
pub(crate) use rules::{ExplainArgs, ReplayArgs, RulesAction, RulesArgs};

const EXIT_CODES: &str = "Exit codes:
  0  success
  1  failure: a file could not be read, a store not opened, a source failed
  2  usage: the call, a configuration file or a rules file is wrong";

/// Watch logs, act on alerts, read log files, follow traces, recover what killed processes left, check
/// configuration.
#[derive(Debug, Parser)]
#[command(name = "plog", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Args {
    /// When to use colour; `auto` looks at FORCE_COLOR, NO_COLOR, CLICOLOR_FORCE and the terminal.
    #[arg(long, global = true, value_enum, default_value_t = ColorArg::Auto)]
    pub(crate) color: ColorArg,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ColorArg {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See it work: a small service writes logs with injected failures, a monitor raises alerts.
    Demo(DemoArgs),
    /// Follow log files, raise alerts by rules.
    Monitor(MonitorArgs),
    /// List and show alerts, act on them, silence them, export them.
    Alerts(AlertsArgs),
    /// Check, test, replay and explain alert rules.
    Rules(RulesArgs),
    /// Show log files in colour, filtered, and follow them.
    Tail(TailArgs),
    /// Draw one trace as a tree across files and services, or list the slowest traces.
    Trace(TraceArgs),
    /// Write out the records that killed processes left in their queues.
    Recover(RecoverArgs),
    /// Check logging profiles and alert rules, show what is in effect.
    Config(ConfigArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plog demo
  plog demo --seconds 4 --dir /tmp/demo")]
pub(crate) struct DemoArgs {
    /// Where the demo puts its log and its alert store; emptied of an earlier demo's files first.
    #[arg(long, default_value = "target/demo", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// How long the service runs, in seconds (4 to 600).
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(4..=600))]
    pub(crate) seconds: u64,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plog tail target/demo/app.log --level warning
  plog tail -f /var/log/app.log --logger shop.orders
  plog tail app.log app.log.2026-11-23T23-59-58Z --trace 0af7651916cd43dd8448eb211c80319c --json")]
pub(crate) struct TailArgs {
    /// Files or quoted glob patterns to show.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Go on as the files grow, across rotation.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Show only the last N matching lines of what is there already; 10 with --follow, else all.
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) lines: Option<usize>,
    /// Only lines of this level and above: trace, debug, info, warning, error, critical.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub(crate) level: Option<Level>,
    /// Only lines of this logger and those below it.
    #[arg(long, value_name = "NAME")]
    pub(crate) logger: Option<String>,
    /// Only lines of this trace: 32 lowercase hex digits.
    #[arg(long, value_name = "ID", value_parser = trace_id)]
    pub(crate) trace: Option<TraceId>,
    /// Print JSON lines, whatever form the files have.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "plog trace [OPTIONS] ID FILE...
       plog trace [OPTIONS] --slowest N FILE...",
    after_help = "Examples:
  plog trace 4bf92f3577b34da6a3ce929d0e0e4736 logs/*.log
  plog trace 4bf92f35 gateway.log orders.log --records
  plog trace --slowest 10 'logs/*.log'
  plog trace 4bf92f35 logs/*.log --json | jq 'select(.event == \"span\") | .self_ms'

Files are read as JSON lines, or as what else states trace_id, span_id and parent_span_id.
So are .gz and .zst files; what is compressed otherwise is not read. A span is shown once its end was logged."
)]
pub(crate) struct TraceArgs {
    /// The trace's id, or its first 8 digits and more, and the files or quoted glob patterns to look
    /// in; with --slowest only these.
    #[arg(required = true, value_name = "ID FILE")]
    pub(crate) words: Vec<PathBuf>,
    /// List the N traces whose first span took longest.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) slowest: Option<u32>,
    /// Whether to show records and events within their spans; `auto` does while there are few.
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = RecordsArg::Auto,
        default_missing_value = "always",
        conflicts_with = "slowest"
    )]
    pub(crate) records: RecordsArg,
    /// Print JSON lines: one for each span and record, or for each trace, and one at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordsArg {
    Auto,
    Always,
    Never,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plog recover --list
  plog recover --service shop --to recovered.jsonl
  plog recover --service shop --sink file --to /var/log/shop/app.log
  plog recover /run/shop/queues > recovered.jsonl

The next start of a service does this by itself; the command is for services that don't start again.
Records are written as JSON lines, each marked \"recovered\":true. A queue is removed once all of its
records are written. Queues of living processes are listed, and left alone.")]
pub(crate) struct RecoverArgs {
    /// Where queues are: the folder that the service was given for them, one below it, or the file of
    /// one queue. By default $XDG_RUNTIME_DIR and /dev/shm: all services of this user.
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Only queues of this service.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Only records that this sink of the service had not taken; by default those that at least one
    /// of its sinks had not.
    #[arg(long, value_name = "NAME")]
    pub(crate) sink: Option<String>,
    /// Append the records to this file instead of writing them to stdout. It may be the service's own
    /// log: with the name of its sink as --sink, what is in it already is not written again.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// Only list what there is.
    #[arg(long, conflicts_with_all = ["to", "keep", "sink", "yes"])]
    pub(crate) list: bool,
    /// Leave the queues where they are.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Write records to stdout, and remove their queues, even if stdout is a terminal.
    #[arg(long, conflicts_with = "to")]
    pub(crate) yes: bool,
    /// Print what was found as JSON lines; with --list or --to.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plog config check config/logging.yaml
  plog config check config/alerts.yaml
  PRISMA_LOG__LEVEL=debug plog config show config/logging.yaml --profile production
  plog config show")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Check files and print every mistake with its place; profiles or alert rules, by content.
    Check {
        /// Files to check.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Print mistakes as JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// Print the effective configuration, and where each value comes from.
    Show {
        /// The file; by default the one that a service started here would use.
        file: Option<PathBuf>,
        /// The profile; by default what PRISMA_ENV or the file says.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// Print entries as JSON lines.
        #[arg(long)]
        json: bool,
    },
}

fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|error: prisma_log_core::Error| error.to_string())
}

fn trace_id(text: &str) -> Result<TraceId, String> {
    text.parse().map_err(|error: prisma_log_core::Error| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    prisma_log_config::parse_duration(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }
}
