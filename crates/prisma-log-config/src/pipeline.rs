//! A profile's queue between the log calls and the sinks, and what is done when the process ends.

use std::path::PathBuf;
use std::time::Duration;

use crate::scalars::{Folder, Size, Span, Wait, show_size, words};
use crate::section::Section;

/// How records get from the log calls to the sinks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineConfig {
    /// Where the queue is; [`MemoryConfig::Default`] by default.
    pub memory: MemoryConfig,
    /// Most bytes of the queue; 8 MiB by default.
    pub queue_bytes: u64,
    /// Most bytes of one record; 64 KiB by default. What is over is cut off.
    pub max_record_bytes: u64,
    /// Longest sleep of an idle worker; 8 ms by default.
    pub latency: Duration,
    /// What happens when the queue is full; by default a call waits for up to a second.
    pub overflow: OverflowConfig,
    /// Whether to write what former processes of the service left behind; by default yes.
    pub recover: bool,
    /// Whether calls write their records themselves; by default no.
    pub inline: bool,
    /// Whether a panic becomes a record; by default no.
    pub capture_panics: bool,
    /// Whether SIGTERM and SIGINT flush before they do what they did before; by default no.
    pub flush_on_signals: bool,
}

/// Where the queue is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryConfig {
    /// In memory that survives the process, where the system has such.
    Default,
    /// In the process's own memory.
    Anonymous,
    /// In a file in this folder.
    Dir(PathBuf),
}

/// What happens when the queue is full: its `policy`, with the settings that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverflowConfig {
    /// `policy: block`: a call waits for room.
    Block {
        /// Longest wait of one call; `None` is without end.
        limit: Option<Duration>,
    },
    /// `policy: drop_newest`: the record that finds no room is dropped.
    DropNewest,
    /// `policy: drop_oldest`: the oldest records are dropped.
    DropOldest,
    /// `policy: spill`: the queue goes on in a file.
    Spill {
        /// The file's folder.
        dir: PathBuf,
        /// Most bytes of the file.
        max_bytes: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Block,
    DropNewest,
    DropOldest,
    Spill,
}
words!(
    Policy,
    "a policy: block, drop_newest, drop_oldest or spill",
    Block = "block",
    DropNewest = "drop_newest",
    DropOldest = "drop_oldest",
    Spill = "spill"
);

type QueueBytes = Size<{ 1 << 20 }, { 1 << 40 }>;
type RecordBytes = Size<1024, { 1 << 20 }>;
type Latency = Span<1, 10_000>;
type SpillBytes = Size<{ MIN_CHUNK_BYTES }, { 1 << 40 }>;

// The pipeline's own defaults, named here because they are shown where nobody set them.
const DEFAULT_QUEUE_BYTES: u64 = 8 << 20;
const DEFAULT_RECORD_BYTES: u64 = 64 << 10;
const DEFAULT_LATENCY: Duration = Duration::from_millis(8);
const DEFAULT_LIMIT: Duration = Duration::from_secs(1);

/// The queue is cut into chunks of this size at least; there are 8 of them at least.
const MIN_CHUNK_BYTES: u64 = 128 << 10;
const MIN_CHUNKS: u64 = 8;

impl PipelineConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        let memory = section.value("memory", MemoryConfig::Default);
        let Size(queue_bytes) =
            section.value::<QueueBytes>("queue_size", Size(DEFAULT_QUEUE_BYTES));
        let Size(max_record_bytes) =
            section.value::<RecordBytes>("max_record_size", Size(DEFAULT_RECORD_BYTES));
        let Span(latency) = section.value::<Latency>("latency", Span(DEFAULT_LATENCY));
        let least = MIN_CHUNKS * needed_chunk(max_record_bytes);
        if queue_bytes < least {
            let message = format!(
                "`{}` is {}, which is too little for records of {}",
                section.path_of("queue_size"),
                show_size(queue_bytes),
                show_size(max_record_bytes),
            );
            let error = section.error_at_one_of(&["queue_size", "max_record_size"], message);
            let hint = format!("set `queue_size` to {} at least", show_size(least));
            section.report().error(error.with_hint(hint));
        }
        let overflow = OverflowConfig::read(section.section("overflow"), max_record_bytes);
        let config = PipelineConfig {
            memory,
            queue_bytes,
            max_record_bytes,
            latency,
            overflow,
            recover: section.value("recover", true),
            inline: section.value("inline", false),
            capture_panics: section.value("capture_panics", false),
            flush_on_signals: section.value("flush_on_signals", false),
        };
        section.finish();
        config
    }
}

/// The least size of a chunk: it holds a context and a record of the greatest size.
fn needed_chunk(max_record_bytes: u64) -> u64 {
    (2 * max_record_bytes + 1024).next_multiple_of(4096)
}

const LIMIT_KEYS: [&str; 1] = ["limit"];
const SPILL_KEYS: [&str; 2] = ["dir", "max_size"];

impl OverflowConfig {
    fn read(mut section: Section<'_>, max_record_bytes: u64) -> Self {
        let policy = section.value("policy", Policy::Block);
        let config = match policy {
            Policy::Block => {
                let Wait(limit) = section.value("limit", Wait(Some(DEFAULT_LIMIT)));
                OverflowConfig::Block { limit }
            }
            Policy::DropNewest => OverflowConfig::DropNewest,
            Policy::DropOldest => OverflowConfig::DropOldest,
            Policy::Spill => {
                let dir = section.required::<Folder>("dir");
                let max_size = section.required::<SpillBytes>("max_size");
                let least = needed_chunk(max_record_bytes).max(MIN_CHUNK_BYTES);
                if let Some(Size(bytes)) = max_size
                    && bytes < least
                {
                    let message = format!(
                        "`{}` is too little for records of {}",
                        section.path_of("max_size"),
                        show_size(max_record_bytes),
                    );
                    let error = section.error_at_one_of(&["max_size"], message);
                    let hint = format!("set it to {} at least", show_size(least));
                    section.report().error(error.with_hint(hint));
                }
                let dir = dir.map_or_else(PathBuf::new, |Folder(dir)| dir);
                OverflowConfig::Spill { dir, max_bytes: max_size.map_or(0, |Size(bytes)| bytes) }
            }
        };
        let shown = crate::scalars::Scalar::show(&policy);
        section.finish_with(|key| {
            let of_another = LIMIT_KEYS.contains(&key) || SPILL_KEYS.contains(&key);
            of_another.then(|| format!("`policy: {shown}` has no such key"))
        });
        config
    }
}
