//! What the check found: as a table, as JSON, and in one line.

use serde_json::{Value, json};

use crate::check::tally::Findings;
use crate::fleet::Ledger;
use crate::options::Options;
use crate::traffic::Answers;

/// Records that a request leaves at least, over all services, on the average.
const RECORDS_PER_REQUEST: u64 = 10;

pub(super) struct Report<'a> {
    pub(super) options: &'a Options,
    pub(super) seconds: f64,
    pub(super) answers: &'a Answers,
    pub(super) ledgers: &'a [Ledger],
    pub(super) findings: Findings,
}

impl Report<'_> {
    /// What must be 0.
    fn faults(&self) -> [(&'static str, u64); 10] {
        let found = &self.findings;
        [
            ("wrong answers", self.answers.wrong() as u64),
            ("misattributed", found.misattributed),
            ("without a trace id", found.without_trace),
            ("in unknown traces", found.unknown_traces),
            ("broken trees", found.broken_trees),
            ("outside of spans", found.outside_spans),
            ("missing", found.missing),
            ("surplus", found.surplus),
            ("lost", found.lost),
            ("unreadable lines", found.unreadable),
        ]
    }

    fn enough(&self) -> bool {
        self.findings.records >= self.options.requests as u64 * RECORDS_PER_REQUEST
    }

    pub(super) fn holds(&self) -> bool {
        self.enough() && self.faults().iter().all(|(_, count)| *count == 0)
    }

    pub(super) fn show(&self) {
        let found = &self.findings;
        let requests = self.options.requests;
        let rate = requests as f64 / self.seconds;
        println!(
            "{requests} requests, {} at a time, in {:.1} s ({rate:.0} a second)",
            self.options.concurrency, self.seconds
        );
        println!("answers: {}\n", self.answers);
        println!("{:<10}{:>12}{:>12}{:>12}", "service", "submitted", "in the file", "dropped");
        for ledger in self.ledgers {
            println!(
                "{:<10}{:>12}{:>12}{:>12}",
                ledger.role.name(),
                ledger.submitted,
                ledger.delivered,
                ledger.dropped
            );
        }
        println!();
        let amounts = [
            ("lines in all files", found.lines),
            ("records of requests", found.records),
            ("spans among them", found.spans),
            ("others in their traces", found.unnamed),
        ];
        for (name, count) in amounts.into_iter().chain(self.faults()) {
            println!("{name:<24}{count:>10}");
        }
        for example in &found.examples {
            println!("  {example}");
        }
    }

    pub(super) fn json(&self) -> Value {
        let found = &self.findings;
        let faults: serde_json::Map<_, _> = self
            .faults()
            .into_iter()
            .map(|(name, count)| (name.replace(' ', "_"), count.into()))
            .collect();
        let service = |ledger: &Ledger| {
            json!({
                "service": ledger.role.name(),
                "submitted": ledger.submitted,
                "delivered": ledger.delivered,
                "dropped": ledger.dropped,
            })
        };
        json!({
            "holds": self.holds(),
            "requests": self.options.requests,
            "concurrency": self.options.concurrency,
            "seed": self.options.seed,
            "seconds": self.seconds,
            "lines": found.lines,
            "records": found.records,
            "spans": found.spans,
            "unnamed_in_traces": found.unnamed,
            "faults": faults,
            "examples": found.examples,
            "services": self.ledgers.iter().map(service).collect::<Vec<_>>(),
        })
    }

    pub(super) fn verdict(&self) -> String {
        let word = if self.holds() { "ok" } else { "FAILED" };
        let few = if self.enough() { "" } else { " (too few)" };
        let faults = self.faults().map(|(name, count)| format!("{count} {name}")).join(", ");
        let (requests, records) = (self.options.requests, self.findings.records);
        format!("microservices: {word}: {requests} requests, {records} records{few}, {faults}")
    }
}
