//! `plog alerts`: what the monitor raised, and what an operator does about it.

mod silence;

use std::io::Write as _;
use std::path::PathBuf;

use prisma_log_core::{Clock as _, Error, SystemClock, Timestamp};
use prisma_log_monitor::{Alert, AlertFilter, AlertState, Store};

use crate::args::{AlertsAction, AlertsArgs, ByArgs, FilterArgs, Moment, StateArg};
use crate::exit::{Failure, Outcome};
use crate::present;

pub(crate) fn run(args: AlertsArgs) -> Outcome {
    let store = open(args.store)?;
    let done = |alert: Result<Alert, Error>, by: &ByArgs| print_changed(&alert?, by);
    match args.action {
        AlertsAction::List { filter, json } => list(&store, &filter, json),
        AlertsAction::Show { id, json } => show(&store.get(&id)?, json),
        AlertsAction::Ack(act) => done(store.acknowledge(&act.id, &act.by.by, &act.note), &act.by),
        AlertsAction::Unack(act) => {
            done(store.unacknowledge(&act.id, &act.by.by, &act.note), &act.by)
        }
        AlertsAction::Resolve(act) => done(store.resolve(&act.id, &act.by.by, &act.note), &act.by),
        AlertsAction::Reopen(act) => done(store.reopen(&act.id, &act.by.by, &act.note), &act.by),
        AlertsAction::Assign { id, to, by, .. } => {
            done(store.assign(&id, &to.unwrap_or_default(), &by.by), &by)
        }
        AlertsAction::Comment { id, text, by } => done(store.comment(&id, &by.by, &text), &by),
        AlertsAction::Silence { action } => silence::run(&store, action),
        AlertsAction::History { id, filter, json } => history(&store, id, &filter, json),
        AlertsAction::Export { filter } => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            store.export(&filter_of(&filter), &mut out)?;
            Ok(out.flush()?)
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

fn filter_of(args: &FilterArgs) -> AlertFilter {
    let mut filter = AlertFilter::all();
    if let Some(state) = args.state {
        filter = filter.state(match state {
            StateArg::Open => AlertState::Open,
            StateArg::Acknowledged => AlertState::Acknowledged,
            StateArg::Resolved => AlertState::Resolved,
        });
    }
    if let Some(name) = &args.rule {
        filter = filter.rule(name);
    }
    if let Some(severity) = args.severity {
        filter = filter.severity_at_least(severity);
    }
    for matcher in &args.label {
        filter = filter.matcher(matcher.clone());
    }
    if let Some(name) = &args.assignee {
        filter = filter.assignee(name);
    }
    if let Some(since) = args.since {
        filter = filter.since(time_of(since));
    }
    if let Some(until) = args.until {
        filter = filter.until(time_of(until));
    }
    if let Some(text) = &args.text {
        filter = filter.text(text);
    }
    match args.limit {
        Some(limit) => filter.limit(limit),
        None => filter,
    }
}

fn time_of(moment: Moment) -> Timestamp {
    match moment {
        Moment::At(time) => time,
        Moment::Ago(duration) => SystemClock.now().saturating_sub(duration),
    }
}

fn list(store: &Store, filter: &FilterArgs, json: bool) -> Outcome {
    let mut alerts = store.list(&filter_of(filter))?;
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

fn history(store: &Store, id: Option<String>, filter: &FilterArgs, json: bool) -> Outcome {
    let mut entries = store.history(&filter_of(filter))?;
    if let Some(id) = id {
        let alert = store.get(&id)?;
        entries.retain(|entry| entry.alert == alert.id);
    }
    let mut out = anstream::stdout().lock();
    for entry in &entries {
        match json {
            true => writeln!(out, "{}", entry.to_json())?,
            false => writeln!(out, "{}", present::alert::entry(entry))?,
        }
    }
    if entries.is_empty() && !json {
        writeln!(out, "nothing has happened")?;
    }
    Ok(())
}

fn print_changed(alert: &Alert, by: &ByArgs) -> Outcome {
    let mut out = anstream::stdout().lock();
    if by.json {
        writeln!(out, "{}", alert.to_json())?;
    } else {
        writeln!(out, "{}", present::alert::row(alert))?;
    }
    Ok(())
}
