//! Trees of all shapes.

use std::time::Duration;

use prisma_log_core::{SpanEvent, SpanId, SpanKind, SpanStatus, Timestamp, TraceId};

use super::*;
use crate::trace::Seen;
use crate::trace::read::Ended;

/// A trace that is put together by hand; times are in microseconds.
#[derive(Default)]
struct Made(Trace);

impl Made {
    fn seen(id: u64, parent: u64, time: i64) -> Seen {
        Seen {
            trace_id: TraceId::new(1).unwrap(),
            span_id: SpanId::new(id),
            parent: SpanId::new(parent),
            sampled: Some(true),
            service: None,
            level: None,
            time: Some(Timestamp::from_unix_nanos(time * 1_000)),
            ended: None,
        }
    }

    fn ended(name: &str, duration: Duration) -> Ended {
        Ended {
            name: name.to_owned(),
            kind: SpanKind::Internal,
            status: SpanStatus::Unset,
            status_message: String::new(),
            duration,
            events: Vec::<SpanEvent>::new(),
        }
    }

    fn span(mut self, service: &str, id: u64, parent: u64, start: i64, end: i64) -> Self {
        let mut seen = Made::seen(id, parent, end);
        let duration = Duration::from_micros((end - start) as u64);
        seen.ended = Some(Made::ended(&format!("s{id}"), duration));
        self.0.add(seen, b"", service);
        self
    }

    fn record(mut self, span: u64, parent: u64, time: i64) -> Self {
        self.0.add(Made::seen(span, parent, time), b"", "a");
        self
    }

    fn tree(&self) -> Tree {
        Tree::build(&self.0, true)
    }

    /// The rows, each as `depth`, what it is, and `.` for the last one.
    fn rows(&self) -> Vec<String> {
        let tree = self.tree();
        let show = |row: &Row| {
            let what = match row.item {
                Item::Span(index) => self.0.spans[index].name.clone(),
                Item::Entry(index) => {
                    format!("r{}", self.0.entries[index].time.unix_nanos() / 1_000)
                }
                Item::Missing { id, has_records } => {
                    format!("?{}{}", id.get(), if has_records { "!" } else { "" })
                }
            };
            format!("{}{what}{}", " ".repeat(row.depth), if row.is_last { "." } else { "" })
        };
        tree.rows.iter().map(show).collect()
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The lines of a tree that was drawn; none is wider than it may be.
fn drawn(made: &Made, width: usize) -> Vec<String> {
    let mut out = Vec::new();
    let id = TraceId::new(1).unwrap();
    crate::present::trace::print_tree(&mut out, id, &made.0, &made.tree(), width).unwrap();
    let plain = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
    // What is said of the whole trace is a sentence, and may wrap.
    for line in plain.lines().skip(2) {
        let columns = crate::present::terminal::columns(line);
        assert!(columns <= width, "{columns} of {width}: {line}");
    }
    plain.lines().map(str::to_owned).collect()
}

#[test]
fn spans_and_records_stand_in_order_of_time_below_their_parents() {
    let made = Made::default()
        .span("b", 3, 2, 30_000, 40_000)
        .span("a", 4, 1, 5_000, 9_000)
        .record(2, 1, 25_000)
        .span("b", 2, 1, 20_000, 80_000)
        .span("a", 1, 0, 0, 100_000)
        .record(1, 0, 90_000)
        .record(0, 0, 95_000);
    let expect = ["s1", " s4", " s2", "  r25000", "  s3.", " r90000.", "r95000."];
    assert_eq!(made.rows(), expect);
    let tree = made.tree();
    let own: Vec<_> = tree.places.iter().map(|place| place.self_time).collect();
    // In the order in which they were found: s3, s4, s2, s1.
    assert_eq!(own, [ms(10), ms(4), ms(50), ms(36)]);
    assert_eq!((tree.start.unix_nanos(), tree.end.unix_nanos()), (0, 100_000_000));
    assert_eq!(Tree::build(&made.0, false).rows.len(), 4);
}

#[test]
fn self_time_is_what_the_union_of_children_leaves() {
    let check = |children: &[(i64, i64)], expect: u64| {
        let mut made = Made::default().span("a", 1, 0, 0, 100_000);
        for (n, &(start, end)) in children.iter().enumerate() {
            made = made.span("a", n as u64 + 2, 1, start, end);
        }
        let tree = made.tree();
        assert_eq!(tree.places[0].self_time, ms(expect), "{children:?}");
        let busy: Duration =
            tree.busy(0).iter().map(|busy| busy.end.saturating_since(busy.start)).sum();
        assert_eq!(busy, ms(100 - expect), "{children:?}");
    };
    check(&[], 100);
    check(&[(10_000, 30_000), (20_000, 50_000)], 60);
    check(&[(10_000, 90_000), (20_000, 30_000), (40_000, 50_000)], 20);
    check(&[(10_000, 20_000), (20_000, 30_000), (50_000, 60_000)], 70);
    // What is outside the parent is not its time.
    check(&[(-50_000, 10_000), (90_000, 500_000)], 80);
    check(&[(-50_000, -10_000), (200_000, 300_000)], 100);
}

#[test]
fn parents_that_are_not_there_are_named() {
    let made = Made::default()
        .span("a", 1, 9, 50_000, 60_000)
        .span("a", 2, 9, 20_000, 30_000)
        .span("a", 3, 0, 40_000, 45_000)
        .record(8, 0, 70_000);
    let expect = ["?9", " s2", " s1.", "s3", "?8!.", " r70000."];
    assert_eq!(made.rows(), expect);
    assert_eq!(made.tree().missing, 2);
    // Records tell where the span was that did not end: killed in the middle of its work.
    let made = Made::default()
        .span("a", 1, 0, 0, 100_000)
        .record(7, 6, 40_000)
        .record(6, 1, 10_000)
        .span("b", 2, 7, 50_000, 60_000);
    let expect = ["s1.", " ?6!.", "  r10000", "  ?7!.", "   r40000", "   s2."];
    assert_eq!(made.rows(), expect);
    // What runs below a missing span is not its grandparent's own time.
    assert_eq!(made.tree().places[0].self_time, ms(90));
}

#[test]
fn circles_are_cut_at_the_earliest_span() {
    let made = Made::default()
        .span("a", 1, 3, 10_000, 20_000)
        .span("a", 2, 1, 5_000, 20_000)
        .span("a", 3, 2, 15_000, 20_000)
        .span("a", 4, 3, 16_000, 20_000)
        .span("a", 5, 5, 50_000, 60_000)
        .span("a", 6, 0, 0, 1_000);
    assert_eq!(made.rows(), ["s6", "s2", " s3.", "  s1", "  s4.", "s5."]);
    let in_circle: Vec<_> = made.tree().places.iter().map(|place| place.in_circle).collect();
    assert_eq!(in_circle, [false, true, false, false, true, false]);
    // Through spans that are missing, and among them alone.
    let made = Made::default().span("a", 1, 7, 0, 10).record(7, 1, 5);
    assert_eq!(made.rows(), ["s1.", " ?7!.", "  r5."]);
    let made = Made::default().record(7, 8, 5).record(8, 7, 6);
    assert_eq!(made.rows().len(), 4);
}

#[test]
fn a_chain_may_be_deeper_than_any_stack() {
    const DEPTH: u64 = 100_000;
    let check = |made: Made, rows: usize| {
        let tree = made.tree();
        assert_eq!(tree.rows.len(), rows);
        assert_eq!(tree.rows.iter().map(|row| row.depth).max(), Some(DEPTH as usize - 1));
        assert!(drawn(&made, 100).len() > rows);
    };
    let mut chain = Made::default();
    let mut backwards = Made::default();
    let mut missing = Made::default();
    for id in 1..=DEPTH {
        chain = chain.span("a", id, id - 1, id as i64, 1_000_000);
        let id = DEPTH + 1 - id;
        backwards = backwards.span("a", id, id - 1, id as i64, 1_000_000);
        missing = missing.record(id, id - 1, id as i64);
    }
    check(chain, DEPTH as usize);
    check(backwards, DEPTH as usize);
    let tree = missing.tree();
    assert_eq!((tree.missing, tree.rows.len()), (DEPTH as usize, 2 * DEPTH as usize));
    // One circle of all of them.
    let mut circle = Made::default();
    for id in 1..=DEPTH {
        circle = circle.span("a", id, id % DEPTH + 1, id as i64, 1_000_000);
    }
    let tree = circle.tree();
    assert_eq!(tree.rows.len(), DEPTH as usize);
    assert_eq!(tree.places.iter().filter(|place| place.in_circle).count(), 1);
}

#[test]
fn what_sticks_out_of_its_parent_is_told() {
    let made = Made::default()
        .span("a", 1, 0, 10_000, 20_000)
        .span("b", 2, 1, 7_000, 21_500)
        .span("a", 3, 1, 12_000, 90_000)
        .span("b", 4, 1, 9_950, 20_050);
    let places = made.tree().places;
    let us = Duration::from_micros;
    assert_eq!((places[1].early, places[1].late), (us(3_000), us(1_500)));
    assert_eq!((places[2].early, places[2].late), (us(0), us(70_000)));
    assert_eq!((places[3].early, places[3].late), (us(0), us(0)), "clocks are not that exact");
    let remote: Vec<_> = places.iter().map(|place| place.is_remote).collect();
    assert_eq!(remote, [false, true, false, true]);
}

#[test]
fn a_span_that_is_found_twice_counts_once() {
    let made = Made::default()
        .span("a", 1, 0, 0, 10_000)
        .span("a", 1, 0, 0, 10_000)
        .span("a", 2, 1, 2_000, 3_000)
        // Another span by the same id: both are shown, children are the first one's.
        .span("a", 2, 1, 4_000, 7_000)
        .span("a", 3, 2, 2_000, 2_500);
    assert_eq!(made.rows(), ["s1.", " s2", "  s3.", " s2."]);
    assert_eq!(made.0.duplicates, 1);
    let repeats: Vec<_> = made.0.spans.iter().map(|span| span.repeats_id).collect();
    assert_eq!(repeats, [false, false, true, false]);
}

#[test]
fn times_may_be_anything() {
    let mut made = Made::default().span("a", 1, 0, 0, 10);
    for (id, time) in [(2, i64::MIN), (3, i64::MAX), (4, 0)] {
        let mut seen = Made::seen(id, 1, 0);
        seen.time = Some(Timestamp::from_unix_nanos(time));
        seen.ended = Some(Made::ended("x", Duration::from_nanos(u64::MAX)));
        made.0.add(seen, b"", "b");
    }
    let mut seen = Made::seen(5, 1, 0);
    seen.time = None;
    made.0.add(seen, b"", "b");
    assert_eq!((made.rows().len(), made.0.without_time), (4, 1));
    drawn(&made, 80);
    assert!(Tree::build(&Trace::default(), true).rows.is_empty());
}

#[test]
fn rows_keep_to_their_room() {
    let mut made = Made::default().span("a", 1, 0, 0, 9_000).record(1, 0, 5);
    for (id, kind) in [(2, SpanKind::Consumer), (3, SpanKind::Internal), (4, SpanKind::Client)] {
        let mut seen = Made::seen(id, id - 1, 3_000);
        let mut ended =
            Made::ended(&"注文 GET /orders/{id} ".repeat(9), Duration::from_micros(6_000));
        ended.kind = kind;
        ended.status = SpanStatus::Error;
        ended.status_message = "no way ".repeat(99);
        seen.ended = Some(ended);
        made.0.add(seen, b"", "在庫-inventory-service-of-the-north-western-region");
    }
    for width in 60..=240 {
        let lines = drawn(&made, width);
        assert!(lines.iter().any(|line| line.contains("✗ failed: no way")), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("! starts 3.00 ms before")), "{lines:?}");
    }
}
