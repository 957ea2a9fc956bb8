//! Asks the builder about one setting at a time, so that what it refuses has a place.

use prisma_log_core::Error;
use prisma_log_monitor::{Rule, RuleBuilder};

use crate::section::Report;
use crate::tree::Node;

/// A rule that needs nothing more, to try one setting on.
pub(super) fn probe() -> RuleBuilder {
    Rule::builder("rule").line("x")
}

/// Reports at `node` what the builder refuses.
pub(super) fn report_refusal(report: &Report, node: &Node, probe: RuleBuilder) {
    if let Err(error) = probe.build() {
        report.error(at_node(node, error));
    }
}

/// The builder's error at a place in the file, which says which rule is meant.
pub(super) fn at_node(node: &Node, error: Error) -> Error {
    let message = error.message();
    let bare = message.strip_prefix("rule `").and_then(|rest| rest.split_once("`: "));
    let placed = node.error(bare.map_or(message, |(_, what)| what));
    match error.hint() {
        Some(hint) => placed.with_hint(hint),
        None => placed,
    }
}
