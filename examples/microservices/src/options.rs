//! What can be said on the command line.

use std::path::PathBuf;

use crate::service::Role;

pub(crate) const HELP: &str = "\
Three services that share one trace: starts them, sends traffic, stops them, and draws a trace.

Usage: prisma-log-microservices [OPTIONS]
       prisma-log-microservices --check [--quick] [OPTIONS]
       prisma-log-microservices --serve [OPTIONS]

  --check            send many requests, then verify every record of every service
  --quick            500 requests
  --serve            start the services and wait for SIGINT or SIGTERM
  --requests N       how many requests (40; with --check 10000)
  --concurrency N    how many of them at a time (8; with --check 64)
  --seed N           what decides which of them are slow, fail or are given up (1)
  --port N           the gateway's port (any that is free)
  --logging on|off   off: no record, no span, no layer (on)
  --levels LIST      level directives (info, and debug for sqlx, reqwest and hyper; with --serve info)
  --folder DIR       where the services log (target/microservices)";

/// Libraries' own records are asked for as well, for they are to be in the traces too.
const LEVELS: &str = "info,sqlx=debug,reqwest=debug,hyper_util=debug";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Help,
    Demo,
    Check,
    Serve,
    /// One of the processes that the others start.
    Service(Role),
}

/// What was said on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) requests: usize,
    pub(crate) concurrency: usize,
    pub(crate) seed: u64,
    pub(crate) port: u16,
    pub(crate) logging: bool,
    pub(crate) levels: String,
    pub(crate) folder: PathBuf,
    /// Where the others are; for the gateway only.
    pub(crate) orders: String,
    pub(crate) inventory: String,
}

impl Options {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options {
            mode: Mode::Demo,
            requests: 40,
            concurrency: 8,
            seed: 1,
            port: 0,
            logging: true,
            levels: LEVELS.to_owned(),
            folder: PathBuf::from("target/microservices"),
            orders: String::new(),
            inventory: String::new(),
        };
        let mut words = words.peekable();
        match words.peek().map(String::as_str) {
            Some("--check") => {
                options.mode = Mode::Check;
                (options.requests, options.concurrency) = (10_000, 64);
            }
            Some("--serve") => {
                options.mode = Mode::Serve;
                options.levels = "info".to_owned();
            }
            Some("service") => {
                words.next();
                let name = words.next().unwrap_or_default();
                let role = Role::ALL.into_iter().find(|role| role.name() == name);
                let role = role.ok_or_else(|| format!("there is no service `{name}`"))?;
                options.mode = Mode::Service(role);
            }
            _ => {}
        }
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value"));
            match &*word {
                "--check" if options.mode == Mode::Check => {}
                "--serve" if options.mode == Mode::Serve => {}
                "--check" | "--serve" => return Err(format!("`{word}` must come first")),
                "--quick" => options.requests = 500,
                "--help" | "-h" => options.mode = Mode::Help,
                "--requests" => options.requests = number(&word, &value()?)?,
                "--concurrency" => options.concurrency = number(&word, &value()?)?,
                "--seed" => options.seed = number(&word, &value()?)?,
                "--port" => options.port = number(&word, &value()?)?,
                "--logging" => options.logging = on_or_off(&value()?)?,
                "--levels" => options.levels = value()?,
                "--folder" => options.folder = value()?.into(),
                "--orders" => options.orders = value()?,
                "--inventory" => options.inventory = value()?,
                _ => return Err(format!("unexpected argument `{word}`")),
            }
        }
        let check = options.mode == Mode::Check;
        if options.requests == 0 || options.concurrency == 0 {
            return Err("`--requests` and `--concurrency` must be at least 1".to_owned());
        }
        if check && !options.logging {
            return Err("`--check` has nothing to check with `--logging off`".to_owned());
        }
        Ok(options)
    }

    /// The log file of a service.
    pub(crate) fn log(&self, role: Role) -> PathBuf {
        self.folder.join(format!("{}.log", role.name()))
    }
}

fn number<N: std::str::FromStr>(word: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("`{word}` needs a number, not `{value}`"))
}

fn on_or_off(value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("`--logging` is `on` or `off`, not `{value}`")),
    }
}
