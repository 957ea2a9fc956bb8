//! When a profile is read again while the program runs.

use std::time::Duration;

use crate::scalars::Span;
use crate::section::Section;

/// When the file is read again while the program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReloadConfig {
    /// Whether the file is watched for changes; by default yes. A configuration that came from no
    /// file can't be watched.
    pub watch: bool,
    /// How often it is looked at: 1 s by default. A change counts once the file has stayed the same
    /// from one look to the next.
    pub interval: Duration,
    /// Whether SIGHUP has it read again; by default no.
    pub sighup: bool,
}

type Interval = Span<10, 3_600_000>;
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

impl ReloadConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        let watch = section.value("watch", true);
        let Span(interval) = section.value::<Interval>("interval", Span(DEFAULT_INTERVAL));
        let sighup = section.value("sighup", false);
        section.finish();
        ReloadConfig { watch, interval, sighup }
    }
}
