//! A profile's sinks.

use std::path::PathBuf;

use prisma_log_core::{Error, Filter, Level};

use crate::filter::Levels;
use crate::hint;
use crate::origin::{Entry, Origin};
use crate::overrides::same_key;
use crate::scalars::{Number, Size, words};
use crate::section::{Report, Section};
use crate::tree::{Item, Map};

/// How a sink writes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A line for people: time, level, logger, message, fields.
    Text,
    /// One flat JSON object.
    Json,
    /// JSON by the Elastic Common Schema.
    Ecs,
    /// `key=value` pairs.
    Logfmt,
}
words!(
    Format,
    "a format: text, json, ecs or logfmt",
    Text = "text",
    Json = "json",
    Ecs = "ecs",
    Logfmt = "logfmt"
);

/// Which of the process's streams a console sink writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
words!(Stream, "a stream: stdout or stderr", Stdout = "stdout", Stderr = "stderr");

/// When a console sink writes in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Color {
    /// On a terminal, unless the environment says otherwise.
    Auto,
    /// Always, whatever the stream is.
    Always,
    /// Never.
    Never,
}
words!(
    Color,
    "when to use colour: auto, always or never",
    Auto = "auto",
    Always = "always",
    Never = "never"
);

/// One sink's settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SinkConfig {
    /// The sink's name, its key in the file.
    pub name: String,
    /// Which of the records that pass the profile's filter go to this sink.
    pub filter: Filter,
    /// Whether it gets a thread of its own, so that other sinks never wait for it; by default no.
    pub blocking: bool,
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
}

/// The settings of a sink of `type: console`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsoleConfig {
    /// How records are written; [`Format::Text`] by default.
    pub format: Format,
    /// Where to; [`Stream::Stderr`] by default.
    pub stream: Stream,
    /// Whether in colour; [`Color::Auto`] by default. Matters to [`Format::Text`] only.
    pub color: Color,
}

/// The settings of a sink of `type: file`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileConfig {
    /// The file; relative to the working directory.
    pub path: PathBuf,
    /// How records are written; [`Format::Json`] by default.
    pub format: Format,
    /// The file is rotated before it grows beyond this; by default it never is.
    pub max_file_bytes: Option<u64>,
    /// How many rotated files are kept; 5 by default. With 0 the full file is deleted.
    pub max_backups: usize,
}

const TYPES: [&str; 2] = ["console", "file"];
const CONSOLE_KEYS: [&str; 3] = ["format", "stream", "color"];
const FILE_KEYS: [&str; 4] = ["path", "format", "max_size", "max_backups"];

type FileBytes = Size<1024, { 1 << 40 }>;
type Backups = Number<0, 1000>;
/// The file sink's own defaults, named here because they are shown where nobody set them.
const DEFAULT_FORMAT: Format = Format::Json;
const DEFAULT_BACKUPS: u64 = 5;

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
    sinks
}

fn file_of(sink: &SinkConfig) -> Option<&PathBuf> {
    match &sink.kind {
        SinkKind::File(file) => Some(&file.path),
        SinkKind::Console(_) => None,
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
    let blocking = section.value("blocking", false);
    let (kind, other_keys) = match word.as_str() {
        "console" => (Some(SinkKind::Console(read_console(&mut section))), &FILE_KEYS[..]),
        "file" => (read_file(&mut section).map(SinkKind::File), &CONSOLE_KEYS[..]),
        _ => {
            let error = kind.error(format!("there is no sink type `{word}`"));
            report.error(error.with_hint(hint::for_word(&word, "types", &TYPES)));
            return None;
        }
    };
    section.finish_with(|key| {
        other_keys.contains(&key).then(|| format!("a sink of `type: {word}` has no such key"))
    });
    Some(SinkConfig { name: item.key.clone(), filter: levels.filter(), blocking, kind: kind? })
}

/// A variable with a misspelt sink name looks like a new sink.
fn missing_type(item: &Item, all: &[Item]) -> Error {
    let name = &item.key;
    if !matches!(item.key_origin, Origin::Variable(_)) {
        let error = item.error(format!("`sinks.{name}.type` is missing"));
        return error.with_hint(format!("types: {}", hint::list(&TYPES)));
    }
    let others: Vec<&str> = all
        .iter()
        .filter(|other| other.node.map().is_some_and(|map| map.get("type").is_some()))
        .map(|other| other.key.as_str())
        .collect();
    let error = item.error(format!("there is no sink `{name}` in this profile"));
    error.with_hint(hint::for_word(name, "sinks", &others))
}

fn read_console(section: &mut Section<'_>) -> ConsoleConfig {
    ConsoleConfig {
        format: section.value("format", Format::Text),
        stream: section.value("stream", Stream::Stderr),
        color: section.value("color", Color::Auto),
    }
}

fn read_file(section: &mut Section<'_>) -> Option<FileConfig> {
    let path = section.required::<PathBuf>("path");
    let format = section.value("format", DEFAULT_FORMAT);
    let max_size = section.optional::<FileBytes>("max_size");
    let Number(backups) = section.value::<Backups>("max_backups", Number(DEFAULT_BACKUPS));
    let max_backups = usize::try_from(backups).unwrap_or(usize::MAX);
    Some(FileConfig { path: path?, format, max_file_bytes: max_size.map(|s| s.0), max_backups })
}
