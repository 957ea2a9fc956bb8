//! What a sink takes, remembered for loggers and call sites.

use prisma_log_core::{Filter, Level, Record};

/// What a sink takes, remembered for loggers and call sites.
pub(crate) struct Admission {
    filter: Filter,
    least: Option<Level>,
    differs: bool,
    by_name: Vec<u8>,
    by_site: Vec<u8>,
}

/// Not looked up yet; other numbers are levels, or [`NONE`].
const UNKNOWN: u8 = 0;
/// Nothing is taken.
const NONE: u8 = 7;

impl Admission {
    pub(crate) fn new(filter: Filter) -> Self {
        Admission {
            least: filter.least_level(),
            differs: filter.has_directives(),
            filter,
            by_name: Vec::new(),
            by_site: Vec::new(),
        }
    }

    /// Whether everything at this level or above is taken, whatever the logger.
    #[inline]
    pub(crate) fn takes_all_from(&self) -> Option<Level> {
        if self.differs { None } else { self.least }
    }

    /// Whether the sink takes this record, whose logger has this number, or else this site's.
    #[inline]
    pub(crate) fn takes(&mut self, record: &Record<'_>, name: u16, site: u32) -> bool {
        if !self.differs {
            return self.least.is_some_and(|least| record.level >= least);
        }
        let (list, index) = match (name, site) {
            (0, 0) => return self.filter.passes(record.logger, record.level),
            (0, site) => (&mut self.by_site, site as usize),
            (name, _) => (&mut self.by_name, usize::from(name)),
        };
        if list.len() <= index {
            list.resize(index + 1, UNKNOWN);
        }
        if list[index] == UNKNOWN {
            list[index] = self.filter.level_for(record.logger).map_or(NONE, |level| level as u8);
        }
        record.level as u8 >= list[index]
    }

    pub(crate) fn passes(&self, logger: &str, level: Level) -> bool {
        self.filter.passes(logger, level)
    }
}
