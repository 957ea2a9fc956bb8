//! The settings of file sinks.

use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;

use super::Format;
use crate::build::{check_every, check_zone};
use crate::hint;
use crate::scalars::{Mode, Number, Scalar, Size, Span, words};
use crate::section::Section;

/// The settings of a sink of `type: file`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileConfig {
    /// The file; relative to the working directory.
    pub path: PathBuf,
    /// How records are written; [`Format::Json`] by default.
    pub format: Format,
    /// When a new file is begun; by default never.
    pub rotate: RotateConfig,
    /// Which rotated files are kept.
    pub keep: KeepConfig,
    /// Whether rotated files are compressed, and how; [`Compress::None`] by default.
    pub compress: Compress,
    /// A symbolic link that leads to the current file.
    pub link: Option<PathBuf>,
    /// When records are brought to stable storage; by default that is left to the kernel.
    pub sync: SyncConfig,
    /// Permission bits of new files; 0640 by default.
    pub mode: u32,
}

/// When a new file is begun: `rotate`. Any of the triggers will do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotateConfig {
    /// Before the file would grow beyond this.
    pub max_bytes: Option<u64>,
    /// By the clock: `hour`, `day`, `week`, or a cron expression (minute, hour, day of month, month,
    /// day of week).
    pub every: Option<String>,
    /// The zone that days and hours are reckoned in, and that names of rotated files show: `utc` (the
    /// default), `local`, or a name such as `Europe/Berlin`.
    pub zone: String,
    /// When the sink is opened and the file is not empty; by default no.
    pub on_start: bool,
}

/// When the clock has a new file begun, as it is written.
struct Period(String);

impl Scalar for Period {
    const EXPECTED: &'static str = "hour, day, week, or a cron expression such as \"0 */6 * * *\"";

    fn read(text: &str) -> Result<Self, Option<String>> {
        if text.contains(char::is_whitespace) || text.starts_with('@') {
            return match check_every(text) {
                Ok(()) => Ok(Period(text.to_owned())),
                Err(error) => Err(Some(match error.hint() {
                    Some(hint) => format!("{}: {hint}", error.message()),
                    None => error.message().to_owned(),
                })),
            };
        }
        match text.to_lowercase().as_str() {
            word @ ("hour" | "day" | "week") => Ok(Period(word.to_owned())),
            "hourly" => Err(Some("write `hour`".into())),
            "daily" => Err(Some("write `day`".into())),
            "weekly" => Err(Some("write `week`".into())),
            word => Err(hint::closest(word, ["hour", "day", "week"])
                .map(|meant| format!("did you mean `{meant}`?"))),
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// Which rotated files are kept: `keep`. The oldest go as soon as one limit is passed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeepConfig {
    /// At most so many; 5 by default where there is no other limit.
    pub count: Option<usize>,
    /// For so long after their last record.
    pub age: Option<Duration>,
    /// At most so many bytes together with the current file.
    pub total_bytes: Option<u64>,
    /// Only as long as so many bytes are free on the file system.
    pub free_bytes: Option<u64>,
    /// When the disk is full, all but so many of the newest may go; by default none may.
    pub when_full: Option<usize>,
}

/// How rotated files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compress {
    /// Not at all.
    None,
    /// With gzip, to `.gz`.
    Gzip,
    /// With Zstandard, to `.zst`.
    Zstd,
}
words!(Compress, "a compression: none, gzip or zstd", None = "none", Gzip = "gzip", Zstd = "zstd");

/// When records are brought to stable storage: `sync`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncConfig {
    /// So long after they were written, at the latest.
    pub every: Option<Duration>,
    /// After so many, at the latest.
    pub records: Option<u64>,
    /// Before a flush returns.
    pub on_flush: bool,
}

pub(super) const KEYS: [&str; 8] =
    ["path", "format", "rotate", "keep", "compress", "link", "sync", "mode"];

type FileBytes = Size<1024, { 1 << 40 }>;
type TotalBytes = Size<1024, { 1 << 50 }>;
type Count = Number<0, 100_000>;
type Age = Span<1000, { 366 * 24 * 3_600_000 }>;
type Interval = Span<1, 3_600_000>;
type Records = Number<1, 1_000_000_000>;

// The file sink's own defaults, named here because they are shown where nobody set them.
const DEFAULT_MODE: u32 = 0o640;
const DEFAULT_ZONE: &str = "utc";
const DEFAULT_COUNT: u64 = 5;

impl FileConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let path = section.required::<PathBuf>("path");
        let format = section.value("format", Format::Json);
        let rotate = RotateConfig::read(section.section("rotate"));
        let keep = KeepConfig::read(section.section("keep"));
        let compress = section.value("compress", Compress::None);
        let link = section.optional::<PathBuf>("link");
        let sync = SyncConfig::read(section.section("sync"));
        let Mode(mode) = section.value("mode", Mode(DEFAULT_MODE));
        Some(FileConfig { path: path?, format, rotate, keep, compress, link, sync, mode })
    }
}

impl RotateConfig {
    fn read(mut section: Section<'_>) -> Self {
        let config = RotateConfig {
            max_bytes: section.optional::<FileBytes>("size").map(|size| size.0),
            every: section.optional("every").map(|Period(every)| every),
            zone: section.value("zone", DEFAULT_ZONE.to_owned()),
            on_start: section.value("on_start", false),
        };
        if let Err(error) = check_zone(&config.zone) {
            let message = format!("`{}`: {}", section.path_of("zone"), error.message());
            let wrong = section.error_at_one_of(&["zone"], message);
            section.report().error(with_hint_of(wrong, &error));
        }
        section.finish();
        config
    }
}

fn with_hint_of(error: Error, other: &Error) -> Error {
    match other.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

impl KeepConfig {
    fn read(mut section: Section<'_>) -> Self {
        let age = section.optional::<Age>("age").map(|age| age.0);
        let total_bytes = section.optional::<TotalBytes>("size").map(|size| size.0);
        let free_bytes = section.optional::<TotalBytes>("free_space").map(|size| size.0);
        let count = match (age, total_bytes, free_bytes) {
            (None, None, None) => Some(section.value::<Count>("count", Number(DEFAULT_COUNT))),
            _ => section.optional::<Count>("count"),
        };
        let when_full = section.optional::<Count>("when_full");
        section.finish();
        KeepConfig {
            count: files(count),
            age,
            total_bytes,
            free_bytes,
            when_full: files(when_full),
        }
    }
}

fn files(count: Option<Count>) -> Option<usize> {
    count.map(|Number(count)| usize::try_from(count).unwrap_or(usize::MAX))
}

impl SyncConfig {
    fn read(mut section: Section<'_>) -> Self {
        let config = SyncConfig {
            every: section.optional::<Interval>("every").map(|every| every.0),
            records: section.optional::<Records>("records").map(|records| records.0),
            on_flush: section.value("on_flush", false),
        };
        section.finish();
        config
    }
}
