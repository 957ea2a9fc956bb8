//! `routes`: which alerts lead to which receivers, and at what pace.

use std::time::Duration;

use prisma_log_monitor::{Policy, Route, RouteBuilder};

use super::{maps, matchers, report_refusal, require_map};
use crate::hint;
use crate::rules::matching::texts;
use crate::section::{Report, Section};
use crate::tree::Node;

type Setter = fn(RouteBuilder, Duration) -> RouteBuilder;

pub(super) fn read(
    report: &Report,
    path: &str,
    node: &Node,
    receivers: &[String],
) -> Option<RouteBuilder> {
    let mut section = Section::new(report, path, Some(node));
    require_map(report, path, node)?;
    let mut route = Route::builder();
    for matcher in matchers(&mut section, "match") {
        route = route.matcher(matcher);
    }
    for (node, name) in texts(&mut section, "receivers") {
        if !receivers.contains(&name) {
            let names: Vec<&str> = receivers.iter().map(String::as_str).collect();
            let error = node.error(format!("`{path}.receivers`: there is no receiver `{name}`"));
            report.error(error.with_hint(match names.is_empty() {
                true => "add `receivers:` to the file".into(),
                false => hint::for_word(&name, "receivers", &names),
            }));
        }
        route = route.receiver(name);
    }
    if let Some(node) = section.node("group_by") {
        let keys = texts(&mut section, "group_by").into_iter().map(|(_, key)| key);
        route = route.group_by(keys);
        let alone = texts(&mut section, "group_by").into_iter().map(|(_, key)| key);
        let probe = Route::builder().group_by(alone);
        report_refusal(report, node, Policy::builder().route(probe));
    }
    let times: [(&'static str, Setter); 3] = [
        ("group_wait", RouteBuilder::group_wait),
        ("group_interval", RouteBuilder::group_interval),
        ("repeat_interval", RouteBuilder::repeat_interval),
    ];
    for (key, setter) in times {
        let time = section.optional::<Duration>(key);
        if let (Some(time), Some(node)) = (time, section.node(key)) {
            let probe = setter(Route::builder(), time);
            report_refusal(report, node, Policy::builder().route(probe));
            route = setter(route, time);
        }
    }
    if let Some(continues) = section.optional::<bool>("continue") {
        route = route.continues(continues);
    }
    for (path, node) in maps(&mut section, "routes") {
        if let Some(inner) = read(report, &path, node, receivers) {
            route = route.route(inner);
        }
    }
    section.finish();
    Some(route)
}
