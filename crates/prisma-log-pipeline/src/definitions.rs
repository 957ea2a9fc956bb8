//! The table of definitions, read back: by the worker of the process, or after its death.

use crate::frame::{number, text};
use crate::registry::{LIST, NAME, SITE};
use crate::segment::Segment;

/// What is constant about a call site.
#[derive(Debug, Default)]
pub(crate) struct SiteText {
    pub(crate) file: Box<str>,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) module: Box<str>,
    pub(crate) function: Box<str>,
    pub(crate) message: Option<Box<str>>,
    pub(crate) keys: Box<[Box<str>]>,
}

/// The definitions of one segment, by their numbers.
#[derive(Default)]
pub(crate) struct Definitions {
    read: usize,
    sites: Vec<Option<SiteText>>,
    names: Vec<Option<Box<str>>>,
    lists: Vec<Option<Box<[Box<str>]>>>,
}

impl Definitions {
    /// Reads what has been defined since the last time.
    pub(crate) fn update(&mut self, segment: &Segment) {
        let table = segment.table(self.read);
        let mut rest = table;
        while let Some(entry) = Entry::take(&mut rest) {
            self.read += entry.body.len() + 5;
            // A damaged definition is left out; the frames that need it are counted as damaged.
            let _known = self.add(entry);
        }
    }

    fn add(&mut self, entry: Entry<'_>) -> Option<()> {
        let mut rest = entry.body;
        match entry.kind {
            SITE => {
                let id = number(&mut rest)?;
                let (_level, tail) = rest.split_first()?;
                rest = tail;
                let (line, column) = (number(&mut rest)?, number(&mut rest)?);
                let file = text(&mut rest)?.into();
                let module = text(&mut rest)?.into();
                let function = text(&mut rest)?.into();
                let (&has_message, tail) = rest.split_first()?;
                rest = tail;
                let message = text(&mut rest)?;
                let message = (has_message == 1).then(|| message.into());
                let keys = keys(&mut rest)?;
                let site = SiteText { file, line, column, module, function, message, keys };
                put(&mut self.sites, id, site)
            }
            NAME => {
                let id = short(&mut rest)?;
                put(&mut self.names, id, text(&mut rest)?.into())
            }
            LIST => {
                let id = short(&mut rest)?;
                put(&mut self.lists, id, keys(&mut rest)?)
            }
            _ => None,
        }
    }

    /// One more than the greatest number of a site.
    pub(crate) fn site_count(&self) -> usize {
        self.sites.len()
    }

    #[inline]
    pub(crate) fn site(&self, id: u32) -> Option<&SiteText> {
        self.sites.get(id as usize)?.as_ref()
    }

    #[inline]
    pub(crate) fn name(&self, id: u16) -> Option<&str> {
        self.names.get(usize::from(id))?.as_deref()
    }

    #[inline]
    pub(crate) fn list(&self, id: u16) -> Option<&[Box<str>]> {
        self.lists.get(usize::from(id))?.as_deref()
    }
}

struct Entry<'a> {
    kind: u8,
    body: &'a [u8],
}

impl<'a> Entry<'a> {
    fn take(rest: &mut &'a [u8]) -> Option<Self> {
        let mut tail = *rest;
        let len = number(&mut tail)? as usize;
        let (&kind, tail) = tail.split_first()?;
        let (body, tail) = tail.split_at_checked(len)?;
        *rest = tail;
        Some(Entry { kind, body })
    }
}

fn short(rest: &mut &[u8]) -> Option<u32> {
    let (first, tail) = rest.split_first_chunk::<2>()?;
    *rest = tail;
    Some(u32::from(u16::from_le_bytes(*first)))
}

fn keys(rest: &mut &[u8]) -> Option<Box<[Box<str>]>> {
    let count = number(rest)?;
    (0..count).map(|_| text(rest).map(Box::from)).collect()
}

/// More than any table can define: a damaged number must not allocate.
const MOST: u32 = 1 << 20;

fn put<T>(list: &mut Vec<Option<T>>, id: u32, value: T) -> Option<()> {
    if id == 0 || id > MOST {
        return None;
    }
    let at = id as usize;
    if list.len() <= at {
        list.resize_with(at + 1, || None);
    }
    list[at] = Some(value);
    Some(())
}
