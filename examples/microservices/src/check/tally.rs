//! All records, by the request they were written for and by the trace they are in.

mod tree;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};

use prisma_log::TraceId;

use crate::Error;
use crate::check::due;
use crate::check::line::{Line, orders};
use crate::check::tally::tree::Tree;
use crate::fleet::Ledger;
use crate::service::Role;
use crate::traffic::Plan;

/// Most examples of what is wrong that are kept.
const EXAMPLES: usize = 10;
/// Longest example.
const EXAMPLE_BYTES: usize = 400;

/// What was found; the second half must be all 0.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Lines in all files.
    pub(super) lines: u64,
    /// Records that name the order they were written for.
    pub(super) records: u64,
    /// Those that are the end of a span.
    pub(super) spans: u64,
    /// Records of libraries that are in a request's trace, and name no order.
    pub(super) unnamed: u64,
    /// Records that name a request, and are in another one's trace; or name two.
    pub(super) misattributed: u64,
    /// Records that name a request, and are in no trace.
    pub(super) without_trace: u64,
    /// Records in traces that no caller began.
    pub(super) unknown_traces: u64,
    /// Requests whose spans are not one tree below the caller's span.
    pub(super) broken_trees: u64,
    /// Records whose span is not in their request's tree.
    pub(super) outside_spans: u64,
    /// Records that should be there and are not.
    pub(super) missing: u64,
    /// Records that are there and should not.
    pub(super) surplus: u64,
    /// Records that a service handed to its file, and that are not in it; dropped ones as well.
    pub(super) lost: u64,
    /// Lines that are no record.
    pub(super) unreadable: u64,
    /// What was wrong, by example.
    pub(super) examples: Vec<String>,
}

impl Findings {
    fn example(&mut self, text: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES {
            let mut text = text();
            text.truncate(text.floor_char_boundary(EXAMPLE_BYTES));
            self.examples.push(text);
        }
    }
}

/// What is known of one request.
#[derive(Default)]
struct Seen {
    /// How many records say the same, by service and number of the saying.
    said: HashMap<(Role, usize), u32>,
    tree: Tree,
}

pub(super) struct Tally<'p> {
    plan: &'p Plan,
    requests: Vec<Seen>,
    by_trace: HashMap<TraceId, usize>,
    /// Numbers of what records say.
    sayings: HashMap<String, usize>,
    findings: Findings,
}

impl<'p> Tally<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let requests = plan.requests.iter();
        Tally {
            plan,
            requests: requests.clone().map(|_| Seen::default()).collect(),
            by_trace: requests.enumerate().map(|(at, one)| (one.trace, at)).collect(),
            sayings: HashMap::new(),
            findings: Findings::default(),
        }
    }

    /// Reads a service's log file.
    pub(super) fn read(&mut self, ledger: &Ledger) -> Result<(), Error> {
        let cannot = |why: std::io::Error| format!("cannot read {}: {why}", ledger.log);
        let mut file = BufReader::new(File::open(&ledger.log).map_err(cannot)?);
        let mut text = String::new();
        let mut lines = 0;
        while file.read_line(&mut text).map_err(cannot)? > 0 {
            lines += 1;
            self.line(ledger.role, text.trim_end());
            text.clear();
        }
        self.findings.lines += lines;
        let lost = ledger.dropped + ledger.delivered.abs_diff(lines);
        if lost > 0 {
            self.findings.lost += lost;
            self.findings.example(|| format!("{lines} lines, but {ledger:?}"));
        }
        Ok(())
    }

    fn line(&mut self, role: Role, text: &str) {
        let findings = &mut self.findings;
        let Ok(line) = serde_json::from_str::<Line<'_>>(text) else {
            findings.unreadable += 1;
            findings.example(|| format!("unreadable: {text}"));
            return;
        };
        let trace = line.trace();
        let by_trace = trace.and_then(|trace| self.by_trace.get(&trace).copied());
        if trace.is_some() && by_trace.is_none() {
            findings.unknown_traces += 1;
            findings.example(|| format!("unknown trace: {text}"));
        }
        let mut named = orders(text);
        let first = named.next();
        let owner = match first {
            Some(owner) => {
                findings.records += 1;
                findings.spans += u64::from(line.is_span());
                if trace.is_none() {
                    findings.without_trace += 1;
                    findings.example(|| format!("without a trace: {text}"));
                } else if by_trace != Some(owner) || named.any(|other| other != owner) {
                    findings.misattributed += 1;
                    findings.example(|| format!("misattributed: {text}"));
                }
                Some(owner)
            }
            None => {
                findings.unnamed += u64::from(by_trace.is_some());
                // Each span that we make names its order: this one is surplus.
                by_trace.filter(|_| line.is_span())
            }
        };
        if let Some(seen) = by_trace.and_then(|at| self.requests.get_mut(at)) {
            match line.span() {
                Some(span) if line.is_span() => seen.tree.span(span, line.parent()),
                Some(span) => seen.tree.record(span),
                None => seen.tree.stray(),
            }
        }
        if let Some(seen) = owner.and_then(|at| self.requests.get_mut(at)) {
            let saying = saying(&mut self.sayings, &line.what());
            *seen.said.entry((role, saying)).or_default() += 1;
        }
    }

    /// Compares all with what should be there.
    pub(super) fn finish(mut self) -> Findings {
        for (request, mut seen) in self.plan.requests.iter().zip(self.requests) {
            let findings = &mut self.findings;
            if let Err(why) = seen.tree.check(request.span) {
                findings.broken_trees += 1;
                findings.example(|| format!("{}: {why}", request.id));
            }
            let outside = seen.tree.outside();
            if outside > 0 {
                findings.outside_spans += outside;
                findings.example(|| format!("{}: {outside} records in no span of it", request.id));
            }
            let mut due = HashMap::<_, u32>::new();
            for (role, what, count) in due::records(request) {
                *due.entry((role, saying(&mut self.sayings, what))).or_default() += count;
            }
            let says = |at: usize| self.sayings.iter().find(|(_, number)| **number == at);
            for (key, due) in due {
                let there = seen.said.remove(&key).unwrap_or(0);
                findings.missing += u64::from(due.saturating_sub(there));
                findings.surplus += u64::from(there.saturating_sub(due));
                if there != due {
                    let what = says(key.1).map_or("", |(what, _)| what);
                    let goods = request.goods.name();
                    findings.example(|| {
                        format!(
                            "{} ({goods}): {there} of {due} `{what}` in {:?}",
                            request.id, key.0
                        )
                    });
                }
            }
            for (key, there) in seen.said {
                findings.surplus += u64::from(there);
                let what = says(key.1).map_or("", |(what, _)| what);
                findings.example(|| format!("{}: {there} `{what}` in {:?}", request.id, key.0));
            }
        }
        self.findings
    }
}

/// The number of a saying.
fn saying(sayings: &mut HashMap<String, usize>, what: &str) -> usize {
    let next = sayings.len();
    match sayings.get(what) {
        Some(number) => *number,
        None => *sayings.entry(what.to_owned()).or_insert(next),
    }
}
