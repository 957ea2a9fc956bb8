//! What can be said to `plog monitor`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plog monitor /var/log/app.log
  plog monitor '/var/log/nginx/*.log' --rules config/alerts.yaml --store /var/lib/plog/alerts.redb
  plog monitor --from-start --until-idle 1s --json old/*.log old/*.gz > alerts.jsonl
  journalctl -f -o json | plog monitor -
  plog monitor --journal=_SYSTEMD_UNIT=ssh.service --store /var/lib/plog/alerts.redb
  plog monitor --syslog udp://127.0.0.1:5514 --syslog tcp://127.0.0.1:5514 --join

The file of --rules is read again when it changes and on SIGHUP; one with a mistake changes nothing.
Durations are a number and a unit: 500ms, 1s, 5m, 1h.
Without --store, alerts live as long as the process; with it they are kept across restarts, and
`plog alerts --store FILE` works on them while the monitor runs.")]
pub(crate) struct MonitorArgs {
    /// Files or quoted glob patterns to follow, - for standard input; a file need not exist yet.
    #[arg(required_unless_present_any = ["syslog", "journal"], value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Listen for syslog messages: udp://ADDRESS:PORT or tcp://ADDRESS:PORT.
    #[arg(long, value_name = "WHERE", value_parser = syslog)]
    pub(crate) syslog: Vec<Listen>,
    /// Let --syslog listen at addresses that others in the network reach: whoever does can write lines.
    #[arg(long, requires = "syslog")]
    pub(crate) any_address: bool,
    /// Read the systemd journal, or those of its entries that have this field.
    #[arg(
        long,
        value_name = "FIELD=VALUE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub(crate) journal: Option<Vec<String>>,
    /// Take lines that belong together, such as stack traces, for one record.
    #[arg(long)]
    pub(crate) join: bool,
    /// Alert rules, receivers and routes; by default the built-in rules.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Where alerts and positions are kept across restarts; one file.
    #[arg(long, value_name = "FILE", env = "PLOG_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Read what the files hold already, not only what is added from now on.
    #[arg(long)]
    pub(crate) from_start: bool,
    /// Print alerts as JSON lines, and at the end of a bounded run one line per file.
    #[arg(long)]
    pub(crate) json: bool,
    /// Stop once no new line has come for this long.
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    pub(crate) until_idle: Option<Duration>,
}

/// Where to listen for syslog messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Udp(SocketAddr),
    Tcp(SocketAddr),
}

fn syslog(text: &str) -> Result<Listen, String> {
    let listen = match text.split_once("://") {
        Some(("udp", address)) => address.parse().ok().map(Listen::Udp),
        Some(("tcp", address)) => address.parse().ok().map(Listen::Tcp),
        _ => None,
    };
    listen.ok_or_else(|| {
        "expected an IP address and a port, such as udp://127.0.0.1:5514 or tcp://[::1]:5514".into()
    })
}
