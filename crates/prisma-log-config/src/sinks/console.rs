//! The settings of console sinks.

use super::Format;
use crate::scalars::{Size, words};
use crate::section::Section;

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
    /// Most bytes of a line, its end included; by default 16 KiB, which is where container runtimes
    /// split lines. Does not matter to [`Format::Text`].
    pub max_line_bytes: u64,
}

pub(super) const KEYS: [&str; 4] = ["format", "stream", "color", "max_line"];

type LineBytes = Size<1024, { 1 << 30 }>;
/// The console sink's own default, named here because it is shown where nobody set it.
const DEFAULT_LINE_BYTES: u64 = 16 << 10;

impl ConsoleConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        ConsoleConfig {
            format: section.value("format", Format::Text),
            stream: section.value("stream", Stream::Stderr),
            color: section.value("color", Color::Auto),
            max_line_bytes: section.value::<LineBytes>("max_line", Size(DEFAULT_LINE_BYTES)).0,
        }
    }
}
