//! `plog rules test-receivers`: whether those who are to be told can be.

use std::io::Write as _;
use std::path::Path;

use prisma_log_config::rules::{self, AlertConfig, ReceiverConfig};
use prisma_log_core::{Clock as _, Error, SystemClock};
use prisma_log_monitor::{Message, Notifier as _, NotifyError};
use serde_json::json;

use crate::exit::{Failure, Outcome};
use crate::present;
use crate::present::style::GOOD;

/// Sends a message to the receivers with these names, or to all.
pub(super) fn test(file: &Path, names: &[String], json: bool) -> Outcome {
    let errors = rules::check(file);
    if !errors.is_empty() {
        return Err(Failure::all(errors));
    }
    let config = AlertConfig::load(file)?;
    let receivers = wanted(&config, file, names)?;
    let mut out = anstream::stdout().lock();
    let (mut failed, mut usage) = (false, false);
    for receiver in receivers {
        let name = &receiver.name;
        let outcome = send(receiver);
        let error = outcome.as_ref().err();
        if let Some(NotifyError { error, .. }) = error {
            (failed, usage) = (true, usage | error.is_config());
        }
        match (json, error) {
            (true, _) => {
                let line = json!({
                    "receiver": name,
                    "taken": error.is_none(),
                    "is_temporary": error.map(|error| error.is_temporary),
                    "error": error.map(ToString::to_string),
                });
                writeln!(out, "{line}")?;
            }
            (false, None) => writeln!(out, "{GOOD}ok{GOOD:#}  {name} took the message")?,
            (false, Some(error)) => {
                let told = Error::state(format!("{name} did not take the message"));
                present::error::print(&told);
                present::error::print(&error.error);
            }
        }
    }
    if failed { Err(Failure::Shown { usage }) } else { Ok(()) }
}

fn wanted<'c>(
    config: &'c AlertConfig,
    file: &Path,
    names: &[String],
) -> Result<Vec<&'c ReceiverConfig>, Failure> {
    let all = config.receivers();
    if all.is_empty() {
        let error = Error::config(format!("{} has no receivers", file.display()));
        return Err(Failure::usage(error.with_hint("name them under `receivers`")));
    }
    for name in names {
        if all.iter().all(|receiver| receiver.name != *name) {
            let known: Vec<&str> = all.iter().map(|receiver| receiver.name.as_str()).collect();
            let error = Error::config(format!("there is no receiver `{name}`"));
            let hint = format!("receivers: {}", known.join(", "));
            return Err(Failure::usage(error.with_hint(hint)));
        }
    }
    let is_wanted = |receiver: &&ReceiverConfig| names.is_empty() || names.contains(&receiver.name);
    Ok(all.iter().filter(is_wanted).collect())
}

fn send(receiver: &ReceiverConfig) -> Result<(), NotifyError> {
    let mut notifier = receiver.build(None).map_err(NotifyError::permanent)?;
    notifier.notify(&Message::test(&receiver.name, SystemClock.now()))
}
