//! What can be said to `plog alerts`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use prisma_log_core::Timestamp;
use prisma_log_monitor::{Matcher, Severity};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plog alerts list --store target/demo/alerts.redb
  plog alerts list --state open --severity error --label team=payments --since 2h
  plog alerts show A000001 --store target/demo/alerts.redb
  plog alerts ack A000001 --note 'looking into it' --store target/demo/alerts.redb
  plog alerts assign A000001 ana
  plog alerts silence add 'host=~\"web-.*\"' severity=warning --for 2h --comment 'new kernel'
  plog alerts export --since 7d > alerts.jsonl
  PLOG_STORE=/var/lib/plog/alerts.redb plog alerts resolve A000001 --note 'pool enlarged'

Matchers are KEY=VALUE, KEY!=VALUE, KEY=~PATTERN or KEY!~PATTERN; keys are rule, severity, those of
the alert's group, and its labels. Patterns must match the whole value.")]
pub(crate) struct AlertsArgs {
    /// The store that `plog monitor --store` keeps; it must be writable, to list it too.
    #[arg(long, global = true, value_name = "FILE", env = "PLOG_STORE")]
    pub(crate) store: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) action: AlertsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsAction {
    /// List alerts, newest first.
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// Print alerts as JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// Show one alert with its samples, comments and history.
    Show {
        /// The alert's id, as `list` prints it.
        id: String,
        /// Print the alert as one JSON line.
        #[arg(long)]
        json: bool,
    },
    /// Take an alert on: it stays until it is resolved, by hand or by itself.
    Ack(ActArgs),
    /// Take an acknowledgement back.
    Unack(ActArgs),
    /// Close an alert; it re-opens should its rule fire again.
    Resolve(ActArgs),
    /// Open a resolved alert again.
    Reopen(ActArgs),
    /// Give an alert to somebody.
    Assign {
        /// The alert's id, as `list` prints it.
        id: String,
        /// Who takes it.
        #[arg(required_unless_present = "nobody", conflicts_with = "nobody")]
        to: Option<String>,
        /// Take it from whoever has it.
        #[arg(long)]
        nobody: bool,
        #[command(flatten)]
        by: ByArgs,
    },
    /// Say something about an alert.
    Comment {
        /// The alert's id, as `list` prints it.
        id: String,
        /// What.
        text: String,
        #[command(flatten)]
        by: ByArgs,
    },
    /// Silence alerts for some time: they exist and count, but nobody is told.
    Silence {
        #[command(subcommand)]
        action: SilenceAction,
    },
    /// Print what happened to alerts, and who did it, in the order of time.
    History {
        /// Only this alert.
        id: Option<String>,
        #[command(flatten)]
        filter: FilterArgs,
        /// Print entries as JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// Print alerts with all that is known of them as JSON lines, oldest first.
    Export {
        #[command(flatten)]
        filter: FilterArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SilenceAction {
    /// Make a silence.
    Add {
        /// What alerts must satisfy, all of it: severity=warning, 'host=~"web-.*"'.
        #[arg(required = true, value_name = "MATCHER")]
        matchers: Vec<Matcher>,
        /// How long.
        #[arg(long = "for", value_name = "DURATION", value_parser = super::duration)]
        lasts: Option<Duration>,
        /// Until when, such as 2026-11-24T08:00:00Z; instead of --for.
        #[arg(
            long,
            value_name = "TIME",
            value_parser = time,
            conflicts_with = "lasts",
            required_unless_present = "lasts"
        )]
        until: Option<Timestamp>,
        /// From when on; at once by default.
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: Option<Timestamp>,
        /// Why.
        #[arg(long, default_value = "", value_name = "TEXT")]
        comment: String,
        #[command(flatten)]
        by: ByArgs,
    },
    /// List silences that have not ended.
    List {
        /// Those that have ended, too.
        #[arg(long)]
        all: bool,
        /// Print silences as JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// End a silence before its time.
    Expire {
        /// The silence's id, as `list` prints it.
        id: String,
        #[command(flatten)]
        by: ByArgs,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StateArg {
    Open,
    Acknowledged,
    Resolved,
}

/// Which alerts.
#[derive(Debug, clap::Args)]
pub(crate) struct FilterArgs {
    /// Only alerts in this state.
    #[arg(long, value_enum)]
    pub(crate) state: Option<StateArg>,
    /// Only alerts of this rule.
    #[arg(long, value_name = "NAME")]
    pub(crate) rule: Option<String>,
    /// Only alerts of this severity and above: info, warning, error, critical.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) severity: Option<Severity>,
    /// Only alerts that satisfy this: team=payments, 'host=~"web-.*"'. With several all of them.
    #[arg(long, value_name = "MATCHER")]
    pub(crate) label: Vec<Matcher>,
    /// Only alerts that this person has.
    #[arg(long, value_name = "NAME")]
    pub(crate) assignee: Option<String>,
    /// Only alerts that were seen since then: a time, or a duration before now.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Moment>,
    /// Only alerts that were there before then.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Moment>,
    /// Only alerts with this text in rule, group, message or samples.
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// A time, or a duration before now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    At(Timestamp),
    Ago(Duration),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ActArgs {
    /// The alert's id, as `list` prints it.
    pub(crate) id: String,
    /// Why, or what was done.
    #[arg(long, default_value = "")]
    pub(crate) note: String,
    #[command(flatten)]
    pub(crate) by: ByArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ByArgs {
    /// Who acts.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
    /// Print the outcome as one JSON line.
    #[arg(long)]
    pub(crate) json: bool,
}

fn severity(text: &str) -> Result<Severity, String> {
    text.parse().map_err(|error: prisma_log_core::Error| error.to_string())
}

fn time(text: &str) -> Result<Timestamp, String> {
    prisma_log_config::parse_time(text).map_err(|error| error.to_string())
}

fn moment(text: &str) -> Result<Moment, String> {
    match prisma_log_config::parse_duration(text) {
        Ok(ago) => Ok(Moment::Ago(ago)),
        Err(_) if text.contains(['-', ':']) => time(text).map(Moment::At),
        Err(_) => {
            Err("expected a duration such as 2h, or a time such as 2026-11-24T08:00:00Z".into())
        }
    }
}
