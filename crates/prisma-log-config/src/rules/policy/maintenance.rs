//! `maintenance`: times at which nobody is told.

use prisma_log_core::Timestamp;
use prisma_log_monitor::{Maintenance, MaintenanceBuilder, Policy, Weekday};

use super::{Word, matchers, report_refusal, require_map};
use crate::rules::matching::texts;
use crate::section::{Report, Section, read as read_scalar};
use crate::tree::Node;

/// Keys of windows that come again, and of windows that come once.
const AGAIN: [&str; 4] = ["days", "from", "to", "zone"];
const ONCE: [&str; 2] = ["start", "end"];

type Setter = fn(MaintenanceBuilder, String) -> MaintenanceBuilder;

pub(super) fn read(report: &Report, path: &str, node: &Node) -> Option<MaintenanceBuilder> {
    let mut section = Section::new(report, path, Some(node));
    require_map(report, path, node)?;
    let mut window = Maintenance::builder();
    for matcher in matchers(&mut section, "match") {
        window = window.matcher(matcher);
    }
    let is_given =
        |section: &Section<'_>, keys: &[&str]| keys.iter().any(|key| !section.is_missing(key));
    let (again, once) = (is_given(&section, &AGAIN), is_given(&section, &ONCE));
    if again && once {
        let message = "a window has either `start` and `end` or times of the day";
        let error = section.error_at_one_of(&ONCE, message);
        report.error(
            error.with_hint("`days`, `from`, `to` and `zone` are for windows that come again"),
        );
    }
    if !again && !once {
        let error = section.error(format!("`{path}` has no time"));
        report.error(error.with_hint("add `from` and `to`, or `start` and `end`"));
    }
    window = times_of_day(&mut section, window);
    if once {
        let start = section.required::<Timestamp>("start");
        let end = section.required::<Timestamp>("end");
        if let (Some(start), Some(end)) = (start, end) {
            let probe = Maintenance::builder().once(start, end);
            if let Some(node) = section.node("end") {
                report_refusal(report, node, Policy::builder().maintenance(probe));
            }
            if !again {
                window = window.once(start, end);
            }
        }
    }
    // Also when there are none, so that they are known.
    ONCE.into_iter().for_each(|key| _ = section.node(key));
    section.finish();
    Some(window)
}

fn times_of_day(section: &mut Section<'_>, mut window: MaintenanceBuilder) -> MaintenanceBuilder {
    let report = section.report();
    let mut days = Vec::new();
    let path = section.path_of("days");
    for (node, _) in texts(section, "days") {
        match read_scalar::<Word<Weekday>>(node, &path) {
            Ok(Word(day)) => days.push(day),
            Err(error) => report.error(error),
        }
    }
    if !days.is_empty() {
        window = window.weekdays(days);
    }
    let setters: [(&'static str, Setter); 3] = [
        ("from", |window, time| window.from(time)),
        ("to", |window, time| window.to(time)),
        ("zone", |window, name| window.zone(name)),
    ];
    for (key, setter) in setters {
        let text = section.optional::<String>(key);
        if let (Some(text), Some(node)) = (text, section.node(key)) {
            let mut probe = setter(Maintenance::builder(), text.clone());
            if key == "from" {
                // Where it ends does not matter here, but it must end.
                probe = probe.to("00:00");
            }
            report_refusal(report, node, Policy::builder().maintenance(probe));
            window = setter(window, text);
        }
    }
    window
}
