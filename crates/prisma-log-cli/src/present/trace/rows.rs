//! A trace as a tree, with a bar for each span.

use std::io::{self, Write};
use std::ops::Range;
use std::time::Duration;

use anstyle::Style;
use prisma_log_core::{Fields, Level, SpanId, SpanKind, SpanStatus, TraceId};

use super::bar::{Axis, LEGEND};
use super::layout::{Branches, Layout, TIME};
use super::time;
use crate::present::style::{self, BAD, FAINT, STRONG, WARN};
use crate::present::terminal::{fit, padding};
use crate::trace::{Content, Entry, Item, Reader, Row, Trace, Tree};

/// Prints the tree, under what is to be said of the trace as a whole.
pub(crate) fn print(
    out: &mut impl Write,
    id: TraceId,
    trace: &Trace,
    tree: &Tree,
    width: usize,
) -> io::Result<()> {
    let layout = Layout::new(trace, tree, width);
    let axis = Axis::new(tree.start, tree.end, layout.bar);
    let total = time::shown(tree.end.saturating_since(tree.start));
    writeln!(out, "{STRONG}trace {id}{STRONG:#}")?;
    writeln!(out, "{}", super::notes::head(trace, tree, &total))?;
    if tree.rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut drawing = Drawing { trace, tree, layout, axis, reader: Reader::default() };
    drawing.titles(out, &total)?;
    let mut branches = Branches::default();
    for (index, row) in tree.rows.iter().enumerate() {
        branches.step(row.depth, row.is_last);
        let has_children = tree.rows.get(index + 1).is_some_and(|next| next.depth > row.depth);
        drawing.row(out, *row, &branches, has_children)?;
    }
    writeln!(out)?;
    if !trace.spans.is_empty() {
        writeln!(out, "{FAINT}{LEGEND}{FAINT:#}")?;
    }
    Ok(())
}

/// A kind as its column has it: work within a service is the rule, and not marked.
pub(super) fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "",
        other => other.as_str(),
    }
}

struct Drawing<'a> {
    trace: &'a Trace,
    tree: &'a Tree,
    layout: Layout,
    axis: Axis,
    reader: Reader,
}

impl Drawing<'_> {
    fn titles(&self, out: &mut impl Write, total: &str) -> io::Result<()> {
        let Layout { service, label, bar, .. } = self.layout;
        if self.trace.spans.is_empty() {
            return Ok(());
        }
        let kind = self.kind_cell("kind");
        let (took, own) = ("took", "self");
        let end = bar.saturating_sub(1);
        writeln!(
            out,
            "{FAINT}{:service$}  {:label$}{kind}  {took:>TIME$}  {own:>TIME$}  0{total:>end$}{FAINT:#}",
            "service", "span"
        )
    }

    fn row(
        &mut self,
        out: &mut impl Write,
        row: Row,
        branches: &Branches,
        has_children: bool,
    ) -> io::Result<()> {
        match row.item {
            Item::Span(index) => {
                self.span(out, index, branches)?;
                let below = branches.below(self.layout.levels, has_children);
                for (style, remark) in self.remarks(index) {
                    self.text(out, &below, style, &remark)?;
                }
                Ok(())
            }
            Item::Entry(index) => {
                let before = branches.row(self.layout.levels);
                self.entry(out, index, &before)
            }
            Item::Missing { id, has_records } => {
                let before = branches.row(self.layout.levels);
                self.text(out, &before, WARN, &missing(id, has_records))
            }
        }
    }

    fn span(&self, out: &mut impl Write, index: usize, branches: &Branches) -> io::Result<()> {
        let Layout { service, label, levels, .. } = self.layout;
        let span = &self.trace.spans[index];
        let failed = span.status == SpanStatus::Error;
        let color = if failed { BAD } else { style::of_number(span.service) };
        let name_style = if failed { BAD } else { Style::new() };
        let shown_service = fit(&self.trace.services[span.service], service);
        let fill = padding(&shown_service, service);
        write!(out, "{color}{shown_service}{color:#}{fill}  ")?;
        let branches = branches.row(levels);
        let name = fit(&span.name, label.saturating_sub(branches.chars().count()));
        let fill = padding(&format!("{branches}{name}"), label);
        write!(out, "{FAINT}{branches}{FAINT:#}{name_style}{name}{name_style:#}{fill}")?;
        let kind = self.kind_cell(kind(span.kind));
        let took = time::shown(span.duration);
        let own = self.tree.places.get(index).map_or(Duration::ZERO, |place| place.self_time);
        let own = time::shown(own);
        let bar = self.axis.bar(span.start, span.end, self.tree.busy(index));
        writeln!(out, "{FAINT}{kind}{FAINT:#}  {took:>TIME$}  {own:>TIME$}  {color}{bar}{color:#}")
    }

    fn kind_cell(&self, kind: &str) -> String {
        match self.layout.kind {
            0 => String::new(),
            wide => format!("  {kind:wide$}"),
        }
    }

    /// What is to be said of a span beside its row.
    fn remarks(&self, index: usize) -> Vec<(Style, String)> {
        let span = &self.trace.spans[index];
        let Some(place) = self.tree.places.get(index) else { return Vec::new() };
        let mut remarks = Vec::new();
        if span.status == SpanStatus::Error {
            let why = &span.status_message;
            let colon = if why.is_empty() { "" } else { ": " };
            remarks.push((BAD, format!("✗ failed{colon}{why}")));
        }
        if place.in_circle {
            remarks.push((WARN, "! its parent links lead back to itself".to_owned()));
        }
        if span.repeats_id {
            remarks.push((WARN, "! another span has the same id".to_owned()));
        }
        // Who takes a message from a queue may do so whenever it likes, and so may a task that
        // nobody waits for.
        let may_be_late = !place.is_remote || span.kind == SpanKind::Consumer;
        let late = if may_be_late { Duration::ZERO } else { place.late };
        let early =
            (!place.early.is_zero()).then(|| format!("starts {} before", time::shown(place.early)));
        let late = (!late.is_zero()).then(|| format!("ends {} after", time::shown(late)));
        let outside: Vec<_> = early.into_iter().chain(late).collect();
        if !outside.is_empty() {
            let why = if place.is_remote { ": do the clocks differ?" } else { "" };
            remarks.push((WARN, format!("! {} its parent{why}", outside.join(" and "))));
        }
        remarks
    }

    fn entry(&mut self, out: &mut impl Write, index: usize, before: &str) -> io::Result<()> {
        let Entry { time: at, content, .. } = &self.trace.entries[index];
        let after = format!("+{}", time::shown(at.saturating_since(self.tree.start)));
        match content {
            Content::Record { level, line } => self.record(out, before, &after, *level, line),
            Content::Event { name, attributes } => {
                let text = format!("◦ {after}  {name}{}", pairs(attributes));
                self.text(out, before, Style::new(), &text)
            }
        }
    }

    fn record(
        &mut self,
        out: &mut impl Write,
        before: &str,
        after: &str,
        level: Option<Level>,
        line: &Range<usize>,
    ) -> io::Result<()> {
        let (line, fields) = self.reader.fields(self.trace.line(line));
        let name = level.map_or("", Level::as_str);
        let logger = line.logger.as_deref().unwrap_or_default();
        let colon = if logger.is_empty() { "" } else { ": " };
        let head = format!("· {after}  {name} ");
        let text = format!("{logger}{colon}{}{}", line.message, pairs(&fields));
        let style = level.map_or(Style::new(), style::level);
        let indent = self.indent();
        let room = self.room(before).saturating_sub(head.chars().count());
        let text = fit(&text, room);
        writeln!(out, "{indent}{FAINT}{before}· {after}{FAINT:#}  {style}{name}{style:#} {text}")
    }

    /// A row that uses all columns.
    fn text(&self, out: &mut impl Write, before: &str, style: Style, text: &str) -> io::Result<()> {
        let indent = self.indent();
        let text = fit(text, self.room(before));
        writeln!(out, "{indent}{FAINT}{before}{FAINT:#}{style}{text}{style:#}")
    }

    fn indent(&self) -> String {
        " ".repeat(self.layout.service + 2)
    }

    fn room(&self, before: &str) -> usize {
        let taken = self.layout.service + 2 + before.chars().count();
        self.layout.width.saturating_sub(taken)
    }
}

fn missing(id: SpanId, has_records: bool) -> String {
    if has_records {
        format!("? the end of span {id} is not in these files")
    } else {
        format!("? parent {id} is not in these files")
    }
}

fn pairs(fields: &Fields) -> String {
    fields.iter().map(|(key, value)| format!("  {key}={value}")).collect()
}
