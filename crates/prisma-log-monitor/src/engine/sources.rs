//! Where lines come from.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use prisma_log_tail::LineParser;

use super::SourceClock;

/// All sources that there were lines from, by place and by path.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) list: Vec<Source>,
    /// By the path as it is written, which takes a fraction of the time to hash that its parts do.
    places: HashMap<OsString, usize>,
}

/// A file that lines came from.
pub(super) struct Source {
    pub(super) path: Arc<Path>,
    pub(super) clock: SourceClock,
    /// Remembers the file's form.
    pub(super) parser: Option<Box<LineParser>>,
    /// Whether the store does not have the clock as it stands.
    pub(super) has_changed: bool,
    /// Whether its lines did something to a group that the store does not have.
    pub(super) has_effect: bool,
}

impl Sources {
    /// The source's place, which stays; a new one for a path that was never seen.
    pub(super) fn place(&mut self, path: &Path) -> usize {
        if let Some(&place) = self.places.get(path.as_os_str()) {
            return place;
        }
        let place = self.list.len();
        self.places.insert(path.into(), place);
        let (path, clock) = (path.into(), SourceClock::default());
        self.list.push(Source { path, clock, parser: None, has_changed: false, has_effect: false });
        place
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Source> {
        self.places.get(path.as_os_str()).and_then(|&place| self.list.get(place))
    }
}
