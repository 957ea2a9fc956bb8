//! A profile's sinks.

mod console;
mod file;
mod format;
mod http;
mod journald;
mod otlp;
mod syslog;
mod zipkin;

use std::path::PathBuf;

use prisma_log_core::{Error, Filter, Level};

pub use console::{Color, ConsoleConfig, Stream};
pub use file::{Compress, FileConfig, KeepConfig, RotateConfig, SyncConfig};
pub use format::Format;
pub use http::{HttpCompression, HttpTls};
#[cfg(feature = "monitor")]
pub(crate) use http::{Timeout as HttpTimeout, pairs};
pub use journald::JournaldConfig;
pub use otlp::{OtlpConfig, OtlpProtocol};
pub use syslog::{Facility, SyslogConfig, SyslogFraming, SyslogProtocol, SyslogTls, Transport};
pub use zipkin::ZipkinConfig;

use crate::filter::Levels;
use crate::hint;
use crate::origin::{Entry, Origin};
use crate::overrides::same_key;
use crate::section::{Report, Section};
use crate::tree::{Item, Map};

/// One sink's settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SinkConfig {
    /// The sink's name, its key in the file.
    pub name: String,
    /// Which of the records that pass the profile's filter go to this sink.
    pub filter: Filter,
    /// Whether it gets a thread of its own, so that other sinks never wait for it; by default only
    /// a sink that sends over a network does: syslog, OTLP, Zipkin.
    pub blocking: bool,
    /// The sink that takes what this one can't, and the queue can't keep for it.
    pub fallback: Option<String>,
    /// What the sink is.
    pub kind: SinkKind,
}

/// What a sink is: its `type`, with the settings that belong to it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SinkKind {
    /// `type: console`
    Console(ConsoleConfig),
    /// `type: file`
    File(FileConfig),
    /// `type: syslog`
    Syslog(SyslogConfig),
    /// `type: journald`
    Journald(JournaldConfig),
    /// `type: otlp`
    Otlp(OtlpConfig),
    /// `type: zipkin`
    Zipkin(ZipkinConfig),
}

/// Each type of sink with the keys that only it has.
const TYPES: [(&str, &[&str]); 6] = [
    ("console", &console::KEYS),
    ("file", &file::KEYS),
    ("syslog", &syslog::KEYS),
    ("journald", &journald::KEYS),
    ("otlp", &otlp::KEYS),
    ("zipkin", &zipkin::KEYS),
];

fn types() -> [&'static str; TYPES.len()] {
    TYPES.map(|(name, _)| name)
}

/// Reads the map of sinks; one that is null was removed.
pub(crate) fn read(report: &Report, map: Option<&Map>) -> Vec<SinkConfig> {
    let items = map.map(|map| map.items.as_slice()).unwrap_or_default();
    let mut sinks: Vec<SinkConfig> = Vec::new();
    for item in items.iter().filter(|item| !item.node.is_null()) {
        check_name(report, item, items);
        if let Some(sink) = read_sink(report, item, items) {
            let same_file = |file| sinks.iter().find(|other| file_of(other) == Some(file));
            if let Some(other) = file_of(&sink).and_then(same_file) {
                let path = item.node.map().and_then(|map| map.get("path")).unwrap_or(&item.node);
                report.error(path.error(format!(
                    "`sinks.{}` writes to the same file as `sinks.{}`",
                    sink.name, other.name
                )));
            }
            sinks.push(sink);
        }
    }
    check_fallbacks(report, &sinks, items);
    sinks
}

/// A fallback must be a sink of the profile, and not lead back.
fn check_fallbacks(report: &Report, sinks: &[SinkConfig], items: &[Item]) {
    let find = |name: &str| sinks.iter().find(|sink| sink.name == name);
    for sink in sinks {
        let Some(fallback) = &sink.fallback else { continue };
        let key = format!("sinks.{}.fallback", sink.name);
        let node = items
            .iter()
            .find(|item| item.key == sink.name)
            .and_then(|item| item.node.map().and_then(|map| map.get("fallback")));
        let error = |message| match node {
            Some(node) => node.error(message),
            None => Error::config(message),
        };
        if items.iter().all(|item| &item.key != fallback) {
            let names: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
            let error = error(format!("`{key}`: there is no sink `{fallback}` in this profile"));
            report.error(error.with_hint(hint::for_word(fallback, "sinks", &names)));
            continue;
        }
        let mut next = find(fallback);
        for _ in 0..sinks.len() {
            match next {
                Some(other) if other.name == sink.name => {
                    let error =
                        error(format!("`{key}`: the fallback leads back to `{}`", sink.name));
                    report
                        .error(error.with_hint("name a sink that has no fallback, or another one"));
                    break;
                }
                Some(other) => next = other.fallback.as_deref().and_then(find),
                None => break,
            }
        }
    }
}

fn file_of(sink: &SinkConfig) -> Option<&PathBuf> {
    match &sink.kind {
        SinkKind::File(file) => Some(&file.path),
        _ => None,
    }
}

/// Variables must be able to name every sink.
fn check_name(report: &Report, item: &Item, all: &[Item]) {
    let name = item.key.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(plain) || name.contains("__") {
        let error = item.error(format!("`{name}` can't be the name of a sink"));
        report.error(error.with_hint("use letters, digits, `-` and single `_`"));
    }
    let twin = all.iter().find(|other| other.key != name && same_key(&other.key, name));
    // Reported once, at the later one.
    if let Some(twin) = twin
        && all.iter().position(|other| other.key == name)
            > all.iter().position(|other| other.key == twin.key)
    {
        let message = format!("the sinks `{}` and `{name}` can't be told apart", twin.key);
        report.error(item.error(message).with_hint("variables ignore case, and write `-` as `_`"));
    }
}

fn read_sink(report: &Report, item: &Item, all: &[Item]) -> Option<SinkConfig> {
    let path = format!("sinks.{}", item.key);
    let mut section = Section::new(report, &path, Some(&item.node));
    item.node.map()?;
    let Some(kind) = section.node("type") else {
        report.error(missing_type(item, all));
        return None;
    };
    let Some(word) = kind.scalar().map(str::to_lowercase) else {
        report.error(kind.error(format!("`{path}.type`: expected a word, found {}", kind.found())));
        return None;
    };
    report.entry(Entry::new(format!("{path}.type"), word.clone(), kind.origin.clone()));
    let levels = Levels::read(&mut section, Level::Trace);
    for entry in levels.entries(|key| section.path_of(key)) {
        report.entry(entry);
    }
    let blocking = section.value("blocking", matches!(&*word, "syslog" | "otlp" | "zipkin"));
    let fallback = section.optional::<String>("fallback");
    let kind = match word.as_str() {
        "console" => Some(SinkKind::Console(ConsoleConfig::read(&mut section))),
        "file" => FileConfig::read(&mut section).map(SinkKind::File),
        "syslog" => SyslogConfig::read(&mut section).map(SinkKind::Syslog),
        "journald" => Some(SinkKind::Journald(JournaldConfig::read(&mut section))),
        "otlp" => Some(SinkKind::Otlp(OtlpConfig::read(&mut section))),
        "zipkin" => Some(SinkKind::Zipkin(ZipkinConfig::read(&mut section))),
        _ => {
            let error = kind.error(format!("there is no sink type `{word}`"));
            report.error(error.with_hint(hint::for_word(&word, "types", &types())));
            return None;
        }
    };
    section.finish_with(|key| {
        let of_another = TYPES.iter().any(|(_, keys)| keys.contains(&key));
        of_another.then(|| format!("a sink of `type: {word}` has no such key"))
    });
    let (name, filter) = (item.key.clone(), levels.filter());
    Some(SinkConfig { name, filter, blocking, fallback, kind: kind? })
}

/// A variable with a misspelt sink name looks like a new sink.
fn missing_type(item: &Item, all: &[Item]) -> Error {
    let name = &item.key;
    if !matches!(item.key_origin, Origin::Variable(_)) {
        let error = item.error(format!("`sinks.{name}.type` is missing"));
        return error.with_hint(format!("types: {}", hint::list(&types())));
    }
    let others: Vec<&str> = all
        .iter()
        .filter(|other| other.node.map().is_some_and(|map| map.get("type").is_some()))
        .map(|other| other.key.as_str())
        .collect();
    let error = item.error(format!("there is no sink `{name}` in this profile"));
    error.with_hint(hint::for_word(name, "sinks", &others))
}
