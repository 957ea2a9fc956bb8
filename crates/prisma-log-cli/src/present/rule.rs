//! Rules for people: what a line made of their conditions.

use std::fmt::Write as _;

use prisma_log_monitor::{Explanation, Firing, Match, Reason, Rule};

use super::style::{self, BAD, FAINT, GOOD, STRONG};
use super::text;

/// Text of a line or condition that is shown.
const MOST: usize = 240;
/// Text of a condition that is shown beside others.
const BRIEF: usize = 80;

/// The condition that made a rule not match, and what the line has instead.
pub(crate) fn culprit(reason: &Reason) -> String {
    let mut shown = text::shown(&reason.condition, BRIEF);
    match &reason.because {
        Some(because) => shown += &format!(": {}", text::shown(because, MOST)),
        // Of a list or a negation its parts say what it is about.
        None => {
            let parts: Vec<String> = reason.parts.iter().map(part).collect();
            shown += &format!(" ({})", parts.join("; "));
        }
    }
    shown
}

fn part(reason: &Reason) -> String {
    match &reason.because {
        Some(because) => {
            format!("{}: {}", text::shown(&reason.condition, BRIEF), text::shown(because, MOST))
        }
        None => culprit(reason),
    }
}

/// The tree of conditions, one line each, ✓ where they hold.
pub(crate) fn tree(reason: &Reason, depth: usize) -> String {
    let (sign, style) = if reason.held { ('✓', GOOD) } else { ('✗', BAD) };
    let indent = "  ".repeat(depth);
    let condition = text::shown(&reason.condition, MOST);
    let mut out = format!("{indent}{style}{sign}{style:#} {condition}");
    if let Some(because) = &reason.because {
        let _infallible = write!(out, "  {FAINT}{}{FAINT:#}", text::shown(because, MOST));
    }
    out.push('\n');
    reason.parts.iter().for_each(|part| out += &tree(part, depth + 1));
    out
}

/// A rule with a sign of whether it matches, its severity and its kind.
pub(crate) fn head(rule: &Rule, matched: bool) -> String {
    let (sign, good) = if matched { ('✓', GOOD) } else { ('✗', BAD) };
    let severity = style::severity(rule.severity());
    format!(
        "{good}{sign}{good:#} {STRONG}{}{STRONG:#}  {severity}{}{severity:#}  {FAINT}{}{FAINT:#}",
        rule.name(),
        rule.severity(),
        text::shown(&rule.kind().to_string(), MOST)
    )
}

/// What a rule makes of a line, on several lines.
pub(crate) fn explanation(rule: &Rule, explanation: &Explanation, whole: bool) -> String {
    let mut out = head(rule, explanation.matched);
    if let Some(reason) = explanation.condition.culprit().filter(|_| !whole) {
        let _infallible = write!(out, "\n    {}", culprit(reason));
    }
    out.push('\n');
    if !whole && !explanation.matched {
        return out;
    }
    out += &tree(&explanation.condition, 2);
    for (number, reason) in (1..).zip(&explanation.kind) {
        let _infallible = writeln!(out, "    {FAINT}condition {number} of its kind{FAINT:#}");
        out += &tree(reason, 2);
    }
    let mut line = |name: &str, value: &str| {
        let _infallible =
            writeln!(out, "    {FAINT}{name:<8}{FAINT:#} {}", text::shown(value, MOST));
    };
    for (name, value) in &explanation.captures {
        line("captured", &format!("{name} = {value}"));
    }
    if !explanation.group.is_empty() {
        line("group", &explanation.group.to_string());
    }
    if let (Some(key), Some(value)) = (rule.kind().field(), &explanation.field) {
        line("field", &format!("{key} = {value}"));
    }
    out
}

/// A case that failed, and what decided it.
pub(crate) fn failed_case(rule: &str, should: bool, line: &str, because: &str) -> String {
    let what = if should { "should match, does not" } else { "should not match, does" };
    let line = text::shown(line, MOST);
    format!("{BAD}✗{BAD:#} {STRONG}{rule}{STRONG:#} {what}: {line}\n    {because}\n")
}

/// A firing on two lines: when, what, how many, and the line that showed it.
pub(crate) fn fired(rule: &Rule, found: &Match, firing: &Firing) -> String {
    let severity = style::severity(rule.severity());
    let mut out = format!("{} {severity}{:<8}{severity:#} ", found.time, rule.severity());
    let _infallible = write!(out, "{STRONG}{}{STRONG:#}", rule.name());
    if !found.group.is_empty() {
        let _infallible = write!(out, " [{}]", found.group);
    }
    let _infallible = write!(out, "  ×{}", firing.count);
    if let Some(why) = &firing.why {
        let _infallible = write!(out, "  {}", text::shown(why, MOST));
    }
    let sample = firing.samples.last().map_or(found.sample.as_str(), String::as_str);
    if !sample.is_empty() {
        let _infallible = write!(out, "\n    {FAINT}{}{FAINT:#}", text::sample(sample, 160));
    }
    out
}
