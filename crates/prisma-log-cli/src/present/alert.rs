//! Alerts for people.

use std::fmt::Write as _;

use prisma_log_core::Timestamp;
use prisma_log_monitor::{
    Action, Alert, HistoryEntry, Notification, NotificationKind, Silence, SilenceState, Transition,
};

use super::style::{self, FAINT, STRONG};
use super::text;

/// One line: id, state, severity, rule, group, count, last time, last sample.
pub(crate) fn row(alert: &Alert) -> String {
    let severity = style::severity(alert.severity);
    let state = style::state(alert.state);
    let mut row = format!(
        "{STRONG}{}{STRONG:#}  {state}{:<12}{state:#}  {severity}{:<8}{severity:#}  {}",
        alert.id, alert.state, alert.severity, alert.rule
    );
    if !alert.group.is_empty() {
        let _infallible = write!(row, " [{}]", alert.group);
    }
    let _infallible = write!(row, "  ×{}  {}", alert.count, alert.last_seen);
    if let Some(name) = &alert.assignee {
        let _infallible = write!(row, "  {STRONG}@{}{STRONG:#}", text::shown(name, 256));
    }
    if alert.flapping {
        let _infallible = write!(row, "  {}flapping{:#}", style::WARN, style::WARN);
    }
    if let Some(sample) = alert.samples.last() {
        let _infallible = write!(row, "  {FAINT}{}{FAINT:#}", text::sample(sample, 120));
    }
    row
}

/// All that is known, on several lines.
pub(crate) fn details(alert: &Alert) -> String {
    let severity = style::severity(alert.severity);
    let state = style::state(alert.state);
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _infallible = writeln!(out, "{FAINT}{name:>12}{FAINT:#}  {value}");
    };
    line("alert", format!("{STRONG}{}{STRONG:#}", alert.id));
    line("rule", format!("{}  {FAINT}{}{FAINT:#}", alert.rule, alert.description));
    line("severity", format!("{severity}{}{severity:#}", alert.severity));
    line("state", format!("{state}{}{state:#}", alert.state));
    if !alert.group.is_empty() {
        line("group", alert.group.to_string());
    }
    for (key, value) in &alert.labels {
        line("label", text::shown(&format!("{key}={value}"), 1024));
    }
    if let Some(name) = &alert.assignee {
        line("assigned to", text::shown(name, 256));
    }
    if alert.flapping {
        line(
            "flapping",
            "it was raised and resolved too often: nobody is told until it calms".into(),
        );
    }
    if let Some(why) = &alert.why {
        line("why", text::shown(why, 1024));
    }
    line("count", alert.count.to_string());
    line("first seen", alert.first_seen.to_string());
    line("last seen", alert.last_seen.to_string());
    for source in &alert.sources {
        line("source", text::shown(&source.to_string_lossy(), 4096));
    }
    for sample in &alert.samples {
        line("sample", text::shown(sample, 1024));
    }
    for comment in &alert.comments {
        let (by, said) = (text::shown(&comment.by, 256), text::shown(&comment.text, 4096));
        line("comment", format!("{}  {STRONG}{by}{STRONG:#}: {said}", comment.at));
    }
    for transition in &alert.history {
        line("history", happened(transition));
    }
    out
}

fn happened(transition: &Transition) -> String {
    let state = style::state(transition.to);
    // What leads to another state is best told by that state.
    let (what, state) = match transition.from == Some(transition.to) {
        true => (transition.action.as_str(), FAINT),
        false => (transition.to.as_str(), state),
    };
    let mut text = format!("{}  {state}{what}{state:#}", transition.at);
    if let Some(by) = &transition.by {
        let _infallible = write!(text, " by {}", text::shown(by, 256));
    }
    if let Some(note) = &transition.note {
        let colon = if transition.action == Action::Assigned { "" } else { ":" };
        let _infallible = write!(text, "{colon} {}", text::shown(note, 1024));
    }
    text
}

/// A step in some alert's life: when, which alert, what, who.
pub(crate) fn entry(entry: &HistoryEntry) -> String {
    format!("{STRONG}{}{STRONG:#}  {}  {}", entry.alert, entry.rule, happened(&entry.step))
}

/// One line: id, state, matchers, from when to when, author, comment.
pub(crate) fn silence(silence: &Silence, now: Timestamp) -> String {
    let state = silence.state(now);
    let style = match state {
        SilenceState::Active => style::WARN,
        _ => FAINT,
    };
    let matchers: Vec<String> =
        silence.matchers.iter().map(|matcher| text::shown(&matcher.to_string(), 1024)).collect();
    let mut row = format!(
        "{STRONG}{}{STRONG:#}  {style}{:<8}{style:#} {}  {} to {}  by {}",
        silence.id,
        state.as_str(),
        matchers.join(" "),
        silence.starts,
        silence.ends,
        text::shown(&silence.author, 256)
    );
    if !silence.comment.is_empty() {
        let _infallible = write!(row, ": {}", text::shown(&silence.comment, 4096));
    }
    if let Some(by) = &silence.expired_by {
        let _infallible = write!(row, "  {FAINT}ended by {}{FAINT:#}", text::shown(by, 256));
    }
    row
}

/// News on two lines: what happened, and the line that showed it.
pub(crate) fn news(news: &Notification) -> String {
    let (word, style) = match news.kind {
        NotificationKind::Raised => ("ALERT", style::severity(news.severity)),
        NotificationKind::Reopened => ("AGAIN", style::severity(news.severity)),
        NotificationKind::Escalated => ("HIGHER", style::severity(news.severity)),
        NotificationKind::Reminder => ("STILL", style::severity(news.severity)),
        _ => ("RESOLVED", style::GOOD),
    };
    // The moment of the news; what was seen last is the alert's own business.
    let time = news.history.last().map_or(news.last_seen, |transition| transition.at);
    let mut text = format!("{time} {style}{word:<8} {:<8}{style:#} ", news.severity);
    let _infallible = write!(text, "{STRONG}{}{STRONG:#}", news.rule);
    if !news.group.is_empty() {
        let _infallible = write!(text, " [{}]", news.group);
    }
    let _infallible = write!(text, "  ×{}  {FAINT}{}{FAINT:#}", news.count, news.id);
    if news.redelivered {
        let _infallible = write!(text, "  {FAINT}(may have been shown before){FAINT:#}");
    }
    if let Some(sample) = news.samples.last() {
        let _infallible = write!(text, "\n    {FAINT}{}{FAINT:#}", text::sample(sample, 160));
    }
    text
}
