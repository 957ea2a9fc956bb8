//! What a monitor did.

use prisma_log_tail::SourceStatus;

use crate::ReceiverStatus;

/// What a monitor did from its start to its end.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Every followed file: lines, bytes, cut lines, lines that are not UTF-8, and why a file
    /// could not be read.
    pub sources: Vec<SourceStatus>,
    /// Lines read from all files.
    pub lines: u64,
    /// Bytes of these lines.
    pub bytes: u64,
    /// Records of the process that came through a [`MonitorSink`](crate::MonitorSink).
    pub records: u64,
    /// Alerts that were new.
    pub raised: u64,
    /// Alerts that recurred after they were resolved.
    pub reopened: u64,
    /// Alerts that were resolved by a quiet period.
    pub resolved: u64,
    /// Times an alert's severity rose because nobody took it on.
    pub escalated: u64,
    /// Firings that raised no alert, because too many were not resolved.
    pub not_opened: u64,
    /// Times that a pattern of a rule was given up on a line, because that took more work than a line
    /// may: the line then counts as one that the rule has nothing to do with.
    pub undecided: u64,
    /// What became of every receiver's news, since the store was made.
    pub receivers: Vec<ReceiverStatus>,
    /// Every rule, in order.
    pub rules: Vec<RuleReport>,
    /// Pieces of news that handlers were called with.
    pub notified: u64,
    /// Pieces of news among them that an earlier run had left.
    pub redelivered: u64,
    /// Times a handler panicked.
    pub handler_panics: u64,
    /// Problems that were given to `on_error`.
    pub errors: u64,
}

/// What became of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleReport {
    /// The rule's name.
    pub rule: String,
    /// Lines that matched.
    pub matches: u64,
    /// Times a group reached the threshold.
    pub firings: u64,
    /// Groups that were forgotten because there were too many: each may have been on its way to
    /// the threshold.
    pub evicted_groups: u64,
    /// Lines, values and windows that its groups did without, because there were too many or they
    /// came too late.
    pub forgotten: u64,
}

/// How far a monitor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Lines read.
    pub lines: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Bytes that are in the files: those read and those still to be read.
    pub total_bytes: u64,
    /// Alerts raised or opened again.
    pub alerts: u64,
}
