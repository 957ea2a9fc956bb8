//! From frames back to records.

use std::collections::HashMap;
use std::sync::LazyLock;

use prisma_log_core::{ContextData, FieldsRef, Record, Shape, Site, Timestamp};

use crate::definitions::{Definitions, SiteText};
use crate::frame::{Body, Head, KEYS_INLINE, MESSAGE_INLINE, SITE_INLINE, TAG_INLINE};

/// A context, and a number for its list of keys.
pub(crate) struct KnownContext {
    pub(crate) data: ContextData,
    pub(crate) keys: u32,
}

/// What records of one shape have in common, as far as it is constant.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ShapeKey {
    site: u32,
    logger: u16,
    list: u16,
    context_keys: u32,
}

/// More shapes than this are not numbered: what encoders keep of them stays bounded.
const MAX_SHAPES: u32 = 1 << 14;

/// Numbers shapes; a sink keeps what it knows of them by these numbers, so they go with it wherever
/// it is driven.
#[derive(Clone, Default)]
pub(crate) struct Shapes {
    last: u32,
    /// By site: the shape that it had last.
    latest: Vec<Option<(ShapeKey, Shape)>>,
    all: HashMap<ShapeKey, Shape>,
    context_keys: HashMap<Vec<Box<str>>, u32>,
}

impl Shapes {
    pub(crate) fn know_context(&mut self, data: ContextData) -> KnownContext {
        let mut keys = 0;
        if !data.entries.is_empty() {
            let list = data.entries.iter().map(|(key, _)| key.into()).collect();
            let next = self.context_keys.len() as u32 + 1;
            // Beyond the bound all contexts look alike to nobody: they have no number.
            keys = match self.context_keys.get(&list) {
                Some(&known) => known,
                None if next > MAX_SHAPES => u32::MAX,
                None => {
                    self.context_keys.insert(list, next);
                    next
                }
            };
        }
        KnownContext { data, keys }
    }

    #[inline]
    fn number(&mut self, key: ShapeKey) -> Option<Shape> {
        if let Some(Some((latest, shape))) = self.latest.get(key.site as usize)
            && *latest == key
        {
            return Some(*shape);
        }
        self.look_up(key)
    }

    #[cold]
    fn look_up(&mut self, key: ShapeKey) -> Option<Shape> {
        if key.context_keys == u32::MAX {
            return None;
        }
        let shape = match self.all.get(&key) {
            Some(&known) => known,
            None if self.last >= MAX_SHAPES => return None,
            None => {
                self.last += 1;
                let shape = Shape::new(self.last)?;
                self.all.insert(key, shape);
                shape
            }
        };
        let at = key.site as usize;
        if self.latest.len() <= at {
            self.latest.resize(at + 1, None);
        }
        self.latest[at] = Some((key, shape));
        Some(shape)
    }
}

/// What is known about a site that stands in the frame.
static NO_SITE: LazyLock<SiteText> = LazyLock::new(SiteText::default);
pub(crate) static NO_CONTEXT: ContextData = ContextData::EMPTY;

/// A frame's record. `None` when the frame is damaged, or needs a definition that is not there:
/// never in a living process.
#[inline]
pub(crate) fn record<'a>(
    definitions: &'a Definitions,
    shapes: &mut Shapes,
    head: &Head,
    frame: &'a [u8],
    context: Option<&'a KnownContext>,
) -> Option<Record<'a>> {
    let body = Body::read(head, frame)?;
    let known = if head.site == 0 { &*NO_SITE } else { definitions.site(head.site)? };
    let site = match body.site {
        None => site_of(known),
        Some(inline) => {
            let mut site = Site::new(inline.file, inline.line, inline.module);
            site.column = inline.column;
            site.function = inline.function;
            site
        }
    };
    let logger = match body.logger {
        Some(inline) => inline,
        None if head.logger != 0 => definitions.name(head.logger)?,
        None => site.module,
    };
    let message_is_constant = !head.has(MESSAGE_INLINE);
    let message = match body.message {
        Some(inline) => inline,
        None => known.message.as_deref()?,
    };
    let list = if head.list == 0 { &[][..] } else { definitions.list(head.list)? };
    let keys = if head.has(KEYS_INLINE) { &[][..] } else { &known.keys[..] };
    let level = head.level()?;
    let mut record = Record::new(time_of(head), level, logger, message);
    record.message_is_constant = message_is_constant;
    record.fields = FieldsRef::encoded(body.fields, u32::from(head.count), keys, list);
    record.context = context.map_or(&NO_CONTEXT, |context| &context.data);
    record.site = site;
    record.tag = body.tag;
    record.sequence = head.sequence;
    record.truncated = body.truncated;
    let constant = !head.has(SITE_INLINE | KEYS_INLINE | TAG_INLINE)
        && (head.logger != 0 || body.logger.is_none())
        && usize::from(head.count) == keys.len() + list.len();
    if constant {
        let context_keys = context.map_or(0, |context| context.keys);
        let (site, logger, list) = (head.site, head.logger, head.list);
        record.shape = shapes.number(ShapeKey { site, logger, list, context_keys });
    }
    Some(record)
}

/// When a frame's record was made.
#[inline]
pub(crate) fn time_of(head: &Head) -> Timestamp {
    Timestamp::from_unix_nanos(i64::try_from(head.nanos).unwrap_or(i64::MAX))
}

fn site_of(text: &SiteText) -> Site<'_> {
    let mut site = Site::new(&text.file, text.line, &text.module);
    site.column = text.column;
    site.function = &text.function;
    site
}

/// Name of a frame's logger, for counting it; the module's where it has no other.
pub(crate) fn logger_of<'a>(definitions: &'a Definitions, head: &Head, frame: &'a [u8]) -> &'a str {
    let logger = || {
        let body = Body::read(head, frame)?;
        if body.logger.is_some() {
            return body.logger;
        }
        if head.logger != 0 {
            return definitions.name(head.logger);
        }
        match body.site {
            Some(site) => Some(site.module),
            None => definitions.site(head.site).map(|site| &*site.module),
        }
    };
    logger().unwrap_or_default()
}
