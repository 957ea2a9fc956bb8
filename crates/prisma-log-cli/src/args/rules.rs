//! What can be said to `plog rules`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plog rules check config/alerts.yaml
  plog rules test config/alerts.yaml
  plog rules test-receivers config/alerts.yaml --receiver on-call
  plog rules replay config/alerts.yaml --log /var/log/app.log '/var/log/nginx/*.log'
  plog rules explain config/alerts.yaml --line '2026-11-24T08:00:00Z ERROR db: connection refused'
  plog rules explain --log /var/log/app.log:1204 --rule database-refused

Without FILE, `test`, `replay` and `explain` take the rules that are built in.")]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    pub(crate) action: RulesAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesAction {
    /// Print every mistake of rules files with its place, what is allowed but hardly meant, and what
    /// is costly.
    Check {
        /// Files to check.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Print what was found as JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// Run the rules' own cases: `should_match` and `should_not`.
    Test {
        /// Files whose rules are tested; by default the rules that are built in.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Only rules with this name.
        #[arg(long, value_name = "NAME")]
        rule: Vec<String>,
        /// Print cases as JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// Send every receiver of a rules file a test message, and say which took it.
    TestReceivers {
        /// The file with the receivers.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only receivers with this name.
        #[arg(long, value_name = "NAME")]
        receiver: Vec<String>,
        /// Print outcomes as JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// Run rules over log files in the logs' own time, and show what would have fired when.
    Replay(ReplayArgs),
    /// Say of a line which rules match it, and why the others don't.
    Explain(ExplainArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// The rules; by default those that are built in.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Log files or quoted glob patterns; their lines are merged by time.
    #[arg(long, required = true, num_args = 1.., value_name = "LOG")]
    pub(crate) log: Vec<PathBuf>,
    /// Only rules with this name.
    #[arg(long, value_name = "NAME")]
    pub(crate) rule: Vec<String>,
    /// Show at most so many alerts; all of them are counted.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: usize,
    /// Print every firing, every rule's counts and one line at the end as JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct ExplainArgs {
    /// The rules; by default those that are built in.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The line itself.
    #[arg(long, group = "what", value_name = "LINE")]
    pub(crate) line: Option<String>,
    /// A line of a log file; the lines above it are counted, too.
    #[arg(long, group = "what", value_name = "FILE:NUMBER", value_parser = line_of_file)]
    pub(crate) log: Option<(PathBuf, u64)>,
    /// Only rules with this name.
    #[arg(long, value_name = "NAME")]
    pub(crate) rule: Vec<String>,
    /// Show all conditions of rules that don't match, too.
    #[arg(long)]
    pub(crate) tree: bool,
    /// Print what was read and each rule as JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

fn line_of_file(text: &str) -> Result<(PathBuf, u64), String> {
    let parts = text.rsplit_once(':').filter(|(file, _)| !file.is_empty());
    let number = parts.and_then(|(file, number)| Some((file, number.parse().ok()?)));
    match number {
        Some((file, number)) if number > 0 => Ok((file.into(), number)),
        _ => Err("expected a file and the number of a line, such as app.log:12".into()),
    }
}
