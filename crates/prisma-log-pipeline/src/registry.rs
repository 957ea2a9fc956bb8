//! What is constant, defined once: call sites, loggers' names, lists of keys.
//!
//! A definition gets a number that is good in every segment of the process: all of them hold the
//! same table. Once the table is full, what is new stays undefined (number 0), and its frames
//! carry everything themselves.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use prisma_log_core::Level;

use crate::frame::push_text;
use crate::segment::{Segment, TABLE_BYTES};

/// Kinds of definitions in the table.
pub(crate) const SITE: u8 = 1;
pub(crate) const NAME: u8 = 2;
pub(crate) const LIST: u8 = 3;

/// A call site's facts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SiteFacts {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) module: &'static str,
    pub(crate) function: &'static str,
    pub(crate) level: Level,
    /// The message, when it has no arguments.
    pub(crate) message: Option<&'static str>,
    /// Keys of the call's own fields, as they are written.
    pub(crate) keys: Box<[Box<str>]>,
}

/// A call site that has been defined, or could not be.
#[derive(Debug)]
pub(crate) struct SiteDef {
    /// 0 when the table was full.
    pub(crate) id: u32,
    pub(crate) message: Option<&'static str>,
}

static UNDEFINED: SiteDef = SiteDef { id: 0, message: None };

#[derive(Default)]
struct Registry {
    /// The table as it stands in every live segment.
    table: Vec<u8>,
    segments: Vec<Weak<Segment>>,
    sites: HashMap<SiteFacts, &'static SiteDef>,
    names: HashMap<Box<str>, u16>,
    lists: HashMap<Box<[Box<str>]>, u16>,
}

static REGISTRY: Mutex<Option<Registry>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<Registry>> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds the registry still over a fork.
pub(crate) struct Held(
    #[expect(dead_code, reason = "held for its drop")] MutexGuard<'static, Option<Registry>>,
);

pub(crate) fn hold() -> Held {
    Held(lock())
}

/// Fills the table of a new segment, and keeps it up to date from now on.
pub(crate) fn add_segment(segment: &std::sync::Arc<Segment>) {
    let mut guard = lock();
    let registry = guard.get_or_insert_default();
    registry.segments.retain(|segment| segment.strong_count() > 0);
    segment.append_table(&registry.table);
    registry.segments.push(std::sync::Arc::downgrade(segment));
}

/// A site's definition; the same one for the same facts.
pub(crate) fn define_site(facts: SiteFacts) -> &'static SiteDef {
    let mut guard = lock();
    let registry = guard.get_or_insert_default();
    if let Some(known) = registry.sites.get(&facts) {
        return known;
    }
    let id = u32::try_from(registry.sites.len() + 1).unwrap_or(0);
    let mut body = id.to_le_bytes().to_vec();
    body.push(facts.level as u8);
    body.extend_from_slice(&facts.line.to_le_bytes());
    body.extend_from_slice(&facts.column.to_le_bytes());
    push_text(&mut body, facts.file);
    push_text(&mut body, facts.module);
    push_text(&mut body, facts.function);
    body.push(u8::from(facts.message.is_some()));
    push_text(&mut body, facts.message.unwrap_or_default());
    push_keys(&mut body, &facts.keys);
    if id == 0 || !registry.append(SITE, &body) {
        return &UNDEFINED;
    }
    // Never freed: call sites point to it. The table bounds how many there can be.
    let def: &'static SiteDef = Box::leak(Box::new(SiteDef { id, message: facts.message }));
    registry.sites.insert(facts, def);
    def
}

/// The number of a logger's name; 0 when it is not to be defined.
pub(crate) fn define_name(name: &str) -> u16 {
    let mut guard = lock();
    let registry = guard.get_or_insert_default();
    if let Some(&known) = registry.names.get(name) {
        return known;
    }
    let Ok(id) = u16::try_from(registry.names.len() + 1) else { return 0 };
    let mut body = id.to_le_bytes().to_vec();
    push_text(&mut body, name);
    if !registry.append(NAME, &body) {
        return 0;
    }
    registry.names.insert(name.into(), id);
    id
}

/// The number of a list of keys; 0 when it is not to be defined.
pub(crate) fn define_list(keys: &[Box<str>]) -> u16 {
    let mut guard = lock();
    let registry = guard.get_or_insert_default();
    if let Some(&known) = registry.lists.get(keys) {
        return known;
    }
    let Ok(id) = u16::try_from(registry.lists.len() + 1) else { return 0 };
    let mut body = id.to_le_bytes().to_vec();
    push_keys(&mut body, keys);
    if !registry.append(LIST, &body) {
        return 0;
    }
    registry.lists.insert(keys.into(), id);
    id
}

fn push_keys(body: &mut Vec<u8>, keys: &[Box<str>]) {
    body.extend_from_slice(&u32::try_from(keys.len()).unwrap_or(0).to_le_bytes());
    for key in keys {
        push_text(body, key);
    }
}

impl Registry {
    /// Adds a definition to all tables; whether there was room.
    fn append(&mut self, kind: u8, body: &[u8]) -> bool {
        let len = body.len() + 5;
        if self.table.len() + len > TABLE_BYTES {
            return false;
        }
        let from = self.table.len();
        self.table.extend_from_slice(&u32::try_from(body.len()).unwrap_or(0).to_le_bytes());
        self.table.push(kind);
        self.table.extend_from_slice(body);
        let entry = &self.table[from..];
        self.segments.retain(|segment| {
            let segment = segment.upgrade();
            segment.is_some_and(|segment| segment.append_table(entry))
        });
        true
    }
}
