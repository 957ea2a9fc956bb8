//! `plog alerts`: what the monitor raised, and what an operator does about it.

use std::io::Write as _;
use std::path::PathBuf;

use prisma_log_core::Error;
use prisma_log_monitor::{Alert, AlertFilter, AlertState, Store};

use crate::args::{ActArgs, AlertsAction, AlertsArgs, StateArg};
use crate::exit::{Failure, Outcome};
use crate::present;

pub(crate) fn run(args: AlertsArgs) -> Outcome {
    let store = open(args.store)?;
    match args.action {
        AlertsAction::List { state, json } => list(&store, state, json),
        AlertsAction::Show { id, json } => show(&store.get(&id)?, json),
        AlertsAction::Ack(act) => {
            print_changed(&store.acknowledge(&act.id, &act.by, &act.note)?, &act)
        }
        AlertsAction::Resolve(act) => {
            print_changed(&store.resolve(&act.id, &act.by, &act.note)?, &act)
        }
    }
}

fn open(path: Option<PathBuf>) -> Result<Store, Failure> {
    let Some(path) = path else {
        let error = Error::config("no alert store is named")
            .with_hint("name it with --store FILE or the variable PLOG_STORE");
        return Err(Failure::usage(error));
    };
    if !path.exists() {
        let error = Error::state(format!("there is no alert store {}", path.display()))
            .with_hint("`plog monitor --store FILE` makes one");
        return Err(error.into());
    }
    Ok(Store::open_existing(&path)?)
}

fn list(store: &Store, state: Option<StateArg>, json: bool) -> Outcome {
    let mut filter = AlertFilter::all();
    if let Some(state) = state {
        filter = filter.state(match state {
            StateArg::Open => AlertState::Open,
            StateArg::Acknowledged => AlertState::Acknowledged,
            StateArg::Resolved => AlertState::Resolved,
        });
    }
    let mut alerts = store.list(&filter)?;
    alerts.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| b.id.cmp(&a.id)));
    let mut out = anstream::stdout().lock();
    for alert in &alerts {
        if json {
            writeln!(out, "{}", alert.to_json())?;
        } else {
            writeln!(out, "{}", present::alert::row(alert))?;
        }
    }
    if alerts.is_empty() && !json {
        writeln!(out, "no alerts")?;
    }
    Ok(())
}

fn show(alert: &Alert, json: bool) -> Outcome {
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{}", alert.to_json())?;
    } else {
        write!(out, "{}", present::alert::details(alert))?;
    }
    Ok(())
}

fn print_changed(alert: &Alert, act: &ActArgs) -> Outcome {
    let mut out = anstream::stdout().lock();
    if act.json {
        writeln!(out, "{}", alert.to_json())?;
    } else {
        writeln!(out, "{}", present::alert::row(alert))?;
    }
    Ok(())
}
