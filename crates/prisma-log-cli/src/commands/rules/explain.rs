//! `plog rules explain`: which rules a line matches, and why not the others.

use std::io::Write as _;
use std::path::Path;

use prisma_log_core::{Clock as _, Error, SystemClock};
use prisma_log_monitor::{Engine, Explanation, Match, Reason, Rule};
use prisma_log_tail::{LineParser, LogLine, Tail};
use serde_json::json;

use super::rules_of;
use crate::args::ExplainArgs;
use crate::exit::Outcome;
use crate::present;
use crate::present::style::FAINT;

/// What a line of the command line is said to come from.
const SOURCE: &str = "line";
const LINES_A_TURN: usize = 4096;
/// Rules of which all conditions are shown unasked.
const FEW: usize = 3;

pub(super) fn run(args: &ExplainArgs) -> Outcome {
    let rules = rules_of(args.file.as_deref(), &args.rule)?;
    let asked = match (&args.line, &args.log) {
        (_, Some((file, number))) => read(&rules, file, *number)?,
        (line, None) => of_text(&rules, line.as_deref().unwrap_or_default())?,
    };
    let source = args.log.as_ref().map_or(Path::new(SOURCE), |(file, _)| file);
    let mut out = anstream::stdout().lock();
    if args.json {
        writeln!(out, "{}", line_json(&asked))?;
    } else {
        write!(out, "{}", present::line::reading(&asked.raw, &asked.line))?;
    }
    let whole = args.tree || rules.len() <= FEW;
    let mut explained: Vec<(usize, Explanation)> = rules
        .iter()
        .map(|rule| rule.explain(&asked.line, &asked.raw, source))
        .enumerate()
        .collect();
    // What matches first; else in the order of the file.
    explained.sort_by_key(|(_, explanation)| !explanation.matched);
    for (index, explanation) in &explained {
        let Some(rule) = rules.get(*index) else { continue };
        let state = asked.states.get(*index).copied().unwrap_or_default();
        if args.json {
            writeln!(out, "{}", rule_json(rule, explanation, state))?;
            continue;
        }
        writeln!(out)?;
        write!(out, "{}", present::rule::explanation(rule, explanation, whole))?;
        if explanation.matched && args.log.is_some() {
            let fires = if state.fires {
                "it fires with this line"
            } else {
                "it does not fire with this line"
            };
            writeln!(
                out,
                "    {FAINT}up to here in the file{FAINT:#} matches: {}, firings: {}, {fires}",
                state.matches, state.firings
            )?;
        }
    }
    Ok(())
}

/// A line, and what the rules made of the lines up to it.
struct Asked {
    raw: Vec<u8>,
    line: LogLine,
    states: Vec<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    matches: u64,
    firings: u64,
    fires: bool,
}

fn of_text(rules: &[Rule], text: &str) -> Result<Asked, Error> {
    let mut counting = Counting::new(rules)?;
    let raw = text.as_bytes().to_vec();
    let line = counting.take(Path::new(SOURCE), &raw);
    Ok(Asked { raw, line, states: counting.states })
}

/// The line with this number of a file.
fn read(rules: &[Rule], file: &Path, number: u64) -> Result<Asked, Error> {
    let mut counting = Counting::new(rules)?;
    let mut tail = Tail::builder().file(file).from_start(true).build()?;
    let (mut at, mut asked) = (0, None);
    let mut take = |bytes: &[u8]| {
        at += 1;
        if at <= number {
            let line = counting.take(file, bytes);
            if at == number {
                asked = Some((bytes.to_owned(), line));
            }
        }
    };
    while tail.poll(LINES_A_TURN, &mut |line| take(line.bytes)).more {}
    tail.finish(&mut |line| take(line.bytes));
    if let Some((raw, line)) = asked {
        return Ok(Asked { raw, line, states: counting.states });
    }
    let failed = tail.sources().into_iter().find_map(|source| source.error);
    Err(match failed {
        Some(error) => Error::state(error.to_string()),
        None if at == 0 && !file.exists() => {
            Error::state(format!("there is no file {}", file.display()))
        }
        None => Error::state(format!("{} has {at} lines, not {number}", file.display())),
    })
}

/// Counts what rules find in lines.
struct Counting {
    engine: Engine,
    parser: LineParser,
    states: Vec<State>,
}

impl Counting {
    fn new(rules: &[Rule]) -> Result<Self, Error> {
        Ok(Counting {
            engine: Engine::new(rules.iter().cloned())?,
            parser: LineParser::new(),
            states: vec![State::default(); rules.len()],
        })
    }

    fn take(&mut self, source: &Path, bytes: &[u8]) -> LogLine {
        let line = self.parser.parse(bytes);
        let found = self.engine.observe(source, &line, bytes, SystemClock.now());
        self.states.iter_mut().for_each(|state| state.fires = false);
        for Match { rule, firing, .. } in found {
            if let Some(state) = self.states.get_mut(rule) {
                state.matches += 1;
                state.fires = firing.is_some();
                state.firings += u64::from(state.fires);
            }
        }
        line
    }
}

fn line_json(asked: &Asked) -> serde_json::Value {
    let line = &asked.line;
    let fields: serde_json::Map<_, _> =
        line.fields.iter().map(|(key, value)| (key.to_owned(), value.to_string().into())).collect();
    json!({
        "event": "line",
        "line": String::from_utf8_lossy(&asked.raw),
        "format": format!("{:?}", line.format),
        "time": line.timestamp.map(|time| time.to_string()),
        "level": line.level.map(|level| level.as_str()),
        "logger": line.logger,
        "message": line.message,
        "trace_id": line.trace_id.map(|id| id.to_string()),
        "span_id": line.span_id.map(|id| id.to_string()),
        "fields": fields,
    })
}

fn rule_json(rule: &Rule, explanation: &Explanation, state: State) -> serde_json::Value {
    let group: serde_json::Map<_, _> =
        explanation.group.iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    let captures: serde_json::Map<_, _> = explanation
        .captures
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().into()))
        .collect();
    json!({
        "event": "rule",
        "rule": rule.name(),
        "severity": rule.severity().as_str(),
        "kind": rule.kind().to_string(),
        "matched": explanation.matched,
        "because": explanation.condition.culprit().map(present::rule::culprit),
        "condition": reason_json(&explanation.condition),
        "kind_conditions": explanation.kind.iter().map(reason_json).collect::<Vec<_>>(),
        "captures": captures,
        "group": group,
        "field": explanation.field,
        "matches": state.matches,
        "firings": state.firings,
        "fires": state.fires,
    })
}

fn reason_json(reason: &Reason) -> serde_json::Value {
    json!({
        "condition": reason.condition,
        "held": reason.held,
        "because": reason.because,
        "parts": reason.parts.iter().map(reason_json).collect::<Vec<_>>(),
    })
}
