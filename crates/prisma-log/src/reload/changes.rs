//! Which settings differ between two configurations.

use std::fmt;

use prisma_log_config::Entry;

/// A setting whose value differs between two configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingChange {
    /// Its key, relative to the profile: `sinks.file.level`. `sinks.file` alone is a whole sink.
    pub key: String,
    /// Its former value, of a whole sink its type; `None` when it is new.
    pub before: Option<String>,
    /// Its new value; `None` when it is gone.
    pub after: Option<String>,
}

/// Writes `level = debug (was info)`, `sinks.errors = file (new)`, `directives.hyper (gone)`.
impl fmt::Display for SettingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{key} = {after} (was {before})"),
            (None, Some(after)) => write!(f, "{key} = {after} (new)"),
            (_, None) => write!(f, "{key} (gone)"),
        }
    }
}

/// What stands for no value in an entry.
const NOTHING: &str = "(none)";

/// All settings that differ, in the order of `after`, then those that are gone. A sink that is in
/// only one of the two is one setting.
pub(super) fn compare(before: &[Entry], after: &[Entry]) -> Vec<SettingChange> {
    let lone = |entry: &Entry| match sink_of(entry) {
        Some(sink) => has_sink(before, sink) != has_sink(after, sink),
        None => false,
    };
    let mut changes = Vec::new();
    for entry in after.iter().filter(|entry| entry.value != NOTHING && !lone(entry)) {
        let was = value_of(before, &entry.path);
        if was != Some(&entry.value) {
            changes.push(SettingChange {
                key: entry.path.clone(),
                before: was.map(str::to_owned),
                after: Some(entry.value.clone()),
            });
        }
    }
    let is_gone = |entry: &&Entry| value_of(after, &entry.path).is_none() && !lone(entry);
    for entry in before.iter().filter(|entry| entry.value != NOTHING).filter(is_gone) {
        changes.push(SettingChange {
            key: entry.path.clone(),
            before: Some(entry.value.clone()),
            after: None,
        });
    }
    let key = |name: &str| format!("sinks.{name}");
    for name in sink_names(after).filter(|name| !has_sink(before, name)) {
        let after = value_of(after, &format!("sinks.{name}.type")).map(str::to_owned);
        changes.push(SettingChange { key: key(name), before: None, after });
    }
    for name in sink_names(before).filter(|name| !has_sink(after, name)) {
        let before = value_of(before, &format!("sinks.{name}.type")).map(str::to_owned);
        changes.push(SettingChange { key: key(name), before, after: None });
    }
    changes
}

/// Whether a setting can be changed while the program runs.
pub(super) fn is_filter(key: &str) -> bool {
    let of_sink = key.strip_prefix("sinks.").and_then(|rest| rest.split_once('.'));
    let key = of_sink.map_or(key, |(_, key)| key);
    key == "level" || key == "directives" || key.starts_with("directives.") || key == "profile"
}

/// The names of the sinks.
pub(super) fn sink_names(entries: &[Entry]) -> impl Iterator<Item = &str> {
    entries.iter().filter_map(|entry| entry.path.strip_prefix("sinks.")?.strip_suffix(".type"))
}

/// Whether an entry is about the sink of this name.
pub(super) fn is_of_sink(entry: &Entry, name: &str) -> bool {
    sink_of(entry) == Some(name)
}

fn sink_of(entry: &Entry) -> Option<&str> {
    // Names have no dots.
    Some(entry.path.strip_prefix("sinks.")?.split_once('.')?.0)
}

fn has_sink(entries: &[Entry], name: &str) -> bool {
    sink_names(entries).any(|other| other == name)
}

fn value_of<'a>(entries: &'a [Entry], path: &str) -> Option<&'a str> {
    let entry = entries.iter().find(|entry| entry.path == path)?;
    (entry.value != NOTHING).then_some(entry.value.as_str())
}

#[cfg(test)]
mod tests {
    use prisma_log_config::{Config, Environment};

    use super::*;

    fn entries(profile: &str) -> Vec<Entry> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logging.yaml");
        let text = format!("version: 1\ndefault_profile: p\nprofiles:\n  p: {profile}\n");
        std::fs::write(&path, text).unwrap();
        Config::load(&path, &Environment::default()).unwrap().entries().to_vec()
    }

    #[test]
    fn differences_are_named_and_sorted_by_what_they_need() {
        let base = "{level: info, directives: [a=off], sinks: {f: {type: file, path: f.log}}}";
        let check = |profile: &str, at_once: &[&str], later: &[&str]| {
            let (at, rest): (Vec<_>, Vec<_>) = compare(&entries(base), &entries(profile))
                .into_iter()
                .partition(|change| is_filter(&change.key));
            let shown = |changes: &[SettingChange]| -> Vec<String> {
                changes.iter().map(ToString::to_string).collect()
            };
            assert_eq!(shown(&at), at_once, "{profile}");
            assert_eq!(shown(&rest), later, "{profile}");
        };
        check(base, &[], &[]);
        check(
            "{level: debug, sinks: {f: {type: file, path: f.log, level: error}}}",
            &[
                "level = debug (was info)",
                "sinks.f.level = error (was trace)",
                "directives.a (gone)",
            ],
            &[],
        );
        check(
            "{directives: [a=info, b.c=off], sinks: {f: {type: file, path: f.log, \
             directives: [x=off]}}}",
            &[
                "directives.a = info (was off)",
                "directives.b.c = off (new)",
                "sinks.f.directives.x = off (new)",
            ],
            &[],
        );
        check(
            "{directives: [a=off], sinks: {f: {type: file, path: g.log, rotate: {size: 1MiB}}}, \
             pipeline: {queue_size: 16MiB}, service: {name: shop}}",
            &[],
            &[
                "service.name = shop (new)",
                "sinks.f.path = g.log (was f.log)",
                "sinks.f.rotate.size = 1MiB (new)",
                "pipeline.queue_size = 16MiB (was 8MiB)",
            ],
        );
        check(
            "{directives: [a=off], sinks: {level: {type: console, level: error}}}",
            &[],
            &["sinks.level = console (new)", "sinks.f (gone)"],
        );
    }
}
