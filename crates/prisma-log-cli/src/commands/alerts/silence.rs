//! `plog alerts silence`: nobody is told of some alerts for some time.

use std::io::Write as _;

use prisma_log_core::{Clock as _, SystemClock};
use prisma_log_monitor::{Silence, SilenceState, Store};

use crate::args::SilenceAction;
use crate::exit::Outcome;
use crate::present;

pub(super) fn run(store: &Store, action: SilenceAction) -> Outcome {
    match action {
        SilenceAction::Add { matchers, lasts, until, from, comment, by } => {
            let mut silence = Silence::builder(by.by).comment(comment);
            for matcher in matchers {
                silence = silence.matcher(matcher);
            }
            if let Some(from) = from {
                silence = silence.starts(from);
            }
            if let Some(lasts) = lasts {
                silence = silence.lasts(lasts);
            }
            if let Some(until) = until {
                silence = silence.ends(until);
            }
            print(&[store.silence(silence)?], by.json)
        }
        SilenceAction::List { all, json } => {
            let now = SystemClock.now();
            let mut silences = store.silences()?;
            silences.retain(|silence| all || silence.state(now) != SilenceState::Expired);
            print(&silences, json)
        }
        SilenceAction::Expire { id, by } => print(&[store.expire_silence(&id, &by.by)?], by.json),
    }
}

fn print(silences: &[Silence], json: bool) -> Outcome {
    let now = SystemClock.now();
    let mut out = anstream::stdout().lock();
    for silence in silences {
        match json {
            true => writeln!(out, "{}", silence.to_json(now))?,
            false => writeln!(out, "{}", present::alert::silence(silence, now))?,
        }
    }
    if silences.is_empty() && !json {
        writeln!(out, "no silences")?;
    }
    Ok(())
}
