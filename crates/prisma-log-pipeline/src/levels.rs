//! Which calls are taken at all; changed while the program runs.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard, Weak};

use prisma_log_core::{Filter, Level};

use crate::registry::define_name;

/// A logger's name, and what is taken from it now.
pub(crate) struct Name {
    /// Empty for loggers without a name of their own.
    pub(crate) text: Box<str>,
    pub(crate) id: u16,
    /// The name could not be defined: frames carry it.
    pub(crate) inline: bool,
    /// The least severe level that is taken, as slog numbers them: 6 is trace, 0 is none.
    least: AtomicU8,
    /// The logger is the call's module, and modules differ.
    by_module: AtomicBool,
}

impl Name {
    #[inline(always)]
    pub(crate) fn takes(&self, level: slog::Level) -> bool {
        level.as_usize() <= usize::from(self.least.load(Ordering::Relaxed))
    }

    /// Whether the module has to be asked as well.
    #[inline]
    pub(crate) fn by_module(&self) -> bool {
        self.by_module.load(Ordering::Relaxed)
    }

    fn new(text: &str, id: u16) -> Self {
        Name {
            text: text.into(),
            id,
            inline: id == 0 && !text.is_empty(),
            least: AtomicU8::new(0),
            by_module: AtomicBool::new(false),
        }
    }

    fn set(&self, filters: &Filters) {
        let (least, by_module) = if self.text.is_empty() {
            (filters.least_of_all(), filters.differ())
        } else {
            (filters.least_for(&self.text), false)
        };
        let number = least.map_or(0, |level| slog::Level::from(level).as_usize() as u8);
        self.by_module.store(by_module, Ordering::Relaxed);
        self.least.store(number, Ordering::Relaxed);
    }
}

/// What passes at all, and what each sink takes of it.
#[derive(Clone)]
struct Filters {
    all: Filter,
    sinks: Vec<Filter>,
}

impl Filters {
    /// The least level that any sink takes from this logger.
    fn least_for(&self, logger: &str) -> Option<Level> {
        let all = self.all.level_for(logger)?;
        let sinks = self.sinks.iter().filter_map(|filter| filter.level_for(logger));
        sinks.min().map(|least| least.max(all))
    }

    fn least_of_all(&self) -> Option<Level> {
        let all = self.all.least_level()?;
        let sinks = self.sinks.iter().filter_map(Filter::least_level);
        sinks.min().map(|least| least.max(all))
    }

    /// Whether loggers are treated differently.
    fn differ(&self) -> bool {
        self.all.has_directives() || self.sinks.iter().any(Filter::has_directives)
    }
}

/// Levels that nobody reads or changes.
pub(crate) struct Held<'a> {
    _filters: RwLockWriteGuard<'a, Filters>,
    _names: MutexGuard<'a, Vec<Weak<Name>>>,
}

/// The levels of all loggers.
pub(crate) struct Levels {
    filters: RwLock<Filters>,
    /// Counts the changes of sinks' filters.
    sink_changes: AtomicU64,
    names: Mutex<Vec<Weak<Name>>>,
}

impl Levels {
    pub(crate) fn new(all: Filter, sinks: Vec<Filter>) -> Self {
        Levels {
            filters: RwLock::new(Filters { all, sinks }),
            sink_changes: AtomicU64::new(0),
            names: Mutex::default(),
        }
    }

    /// The state of a logger of this name, kept up to date from now on.
    pub(crate) fn name(&self, text: &str) -> Arc<Name> {
        let id = if text.is_empty() { 0 } else { define_name(text) };
        let name = Arc::new(Name::new(text, id));
        // The list is locked first, here and in `change`: no logger misses a change.
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        name.set(&self.filters.read().unwrap_or_else(PoisonError::into_inner));
        if names.len() == names.capacity() {
            names.retain(|name| name.strong_count() > 0);
        }
        names.push(Arc::downgrade(&name));
        name
    }

    /// The state of a logger of this name as it is now; the name is not defined.
    pub(crate) fn name_for_once(&self, text: &str) -> Arc<Name> {
        let name = Arc::new(Name::new(text, 0));
        name.set(&self.filters.read().unwrap_or_else(PoisonError::into_inner));
        name
    }

    /// Whether any sink takes this level from this logger.
    pub(crate) fn takes(&self, logger: &str, level: Level) -> bool {
        let filters = self.filters.read().unwrap_or_else(PoisonError::into_inner);
        filters.least_for(logger).is_some_and(|least| level >= least)
    }

    pub(crate) fn filter(&self) -> Filter {
        self.filters.read().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    pub(crate) fn sink_filters(&self) -> Vec<Filter> {
        self.filters.read().unwrap_or_else(PoisonError::into_inner).sinks.clone()
    }

    pub(crate) fn set_filter(&self, all: Filter) {
        self.change(|filters| filters.all = all);
    }

    pub(crate) fn set_sink_filter(&self, sink: usize, filter: Filter) {
        self.change(|filters| filters.sinks[sink] = filter);
        self.sink_changes.fetch_add(1, Ordering::Release);
    }

    /// How often a sink's filter was changed: whoever keeps what follows from them looks here.
    pub(crate) fn sink_changes(&self) -> u64 {
        self.sink_changes.load(Ordering::Acquire)
    }

    /// Holds the levels still over a fork: whoever reads or changes them has finished.
    pub(crate) fn hold(&self) -> Held<'_> {
        // In the order in which `change` locks.
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let filters = self.filters.write().unwrap_or_else(PoisonError::into_inner);
        Held { _filters: filters, _names: names }
    }

    fn change(&self, change: impl FnOnce(&mut Filters)) {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut filters = self.filters.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut filters);
        for name in names.iter().filter_map(Weak::upgrade) {
            name.set(&filters);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reaches_loggers_that_are_there_and_those_to_come() {
        let levels = Levels::new(Filter::default(), vec![Filter::at_least(Level::Warning)]);
        let early = levels.name("shop.orders");
        let root = levels.name("");
        assert!(!early.takes(slog::Level::Info) && early.takes(slog::Level::Warning));
        assert!(!root.by_module());
        levels.set_sink_filter(0, "warning,shop=debug".parse().unwrap());
        let late = levels.name("shop");
        for name in [&early, &late, &root] {
            assert!(name.takes(slog::Level::Debug) && !name.takes(slog::Level::Trace));
        }
        assert!(root.by_module());
        assert!(levels.takes("shop::cart", Level::Debug) && !levels.takes("other", Level::Info));
        let once = levels.name_for_once("shop.once");
        assert!(once.inline && once.takes(slog::Level::Debug) && !once.takes(slog::Level::Trace));
        levels.set_filter(Filter::off());
        assert!(!early.takes(slog::Level::Critical));
    }
}
