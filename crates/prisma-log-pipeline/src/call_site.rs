//! What the facade's macros make of a call: a static description, and values that write themselves.
#![expect(unsafe_code, reason = "a serializer that is ours is used as what it is")]

use std::any::TypeId;
use std::fmt;
use std::sync::atomic::{AtomicPtr, Ordering};

use prisma_log_core::Level;
use slog::{
    BorrowedKV, Logger, Record, RecordLocation, RecordStatic, SendSyncUnwindSafeDrain, Serializer,
};

use crate::drain::PipelineDrain;
use crate::local::with_local;
use crate::quick::{self, Quick};
use crate::registry::{SiteDef, SiteFacts, define_site};
use crate::writer::{Cursor, FrameWriter};

/// What is constant about a call; the facade's macros put one into a `static` for each.
pub struct CallSite {
    location: RecordLocation,
    level: slog::Level,
    pub(crate) keys: &'static [&'static str],
    definition: AtomicPtr<SiteDef>,
}

impl CallSite {
    /// A call site that has not been reached yet.
    pub const fn new(
        location: RecordLocation,
        level: slog::Level,
        keys: &'static [&'static str],
    ) -> Self {
        CallSite { location, level, keys, definition: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// What slog's record wants to know of it.
    #[inline]
    pub const fn record_static(&'static self) -> RecordStatic<'static> {
        RecordStatic { location: &self.location, tag: "", level: self.level }
    }

    pub(crate) fn level(&self) -> slog::Level {
        self.level
    }

    /// The site's definition, if it has one already.
    #[inline]
    pub(crate) fn known(&self) -> Option<&'static SiteDef> {
        // SAFETY: null, or what `define` stored: a definition that lives for ever.
        unsafe { self.definition.load(Ordering::Acquire).as_ref() }
    }

    /// The site's definition, made at its first record.
    #[inline]
    pub(crate) fn definition(&self, message: Option<&'static str>) -> &'static SiteDef {
        match self.known() {
            Some(definition) => definition,
            None => self.define(message),
        }
    }

    #[cold]
    #[inline(never)]
    fn define(&self, message: Option<&'static str>) -> &'static SiteDef {
        let definition = define_site(SiteFacts {
            file: self.location.file,
            line: self.location.line,
            column: self.location.column,
            module: self.location.module,
            function: self.location.function,
            level: Level::from(self.level),
            message,
            keys: self.keys.iter().map(|&key| key.into()).collect(),
        });
        self.definition.store(std::ptr::from_ref(definition).cast_mut(), Ordering::Release);
        definition
    }
}

/// The key-values of a call through the facade's macros.
///
/// Under one of this crate's drains they write themselves straight into the frame; under any other
/// drain they are key-values like slog's.
pub struct SiteFields<'a, Q, W, S> {
    site: &'static CallSite,
    quick: Q,
    write: W,
    serialize: S,
    lifetime: std::marker::PhantomData<&'a ()>,
}

impl<Q, W, S> SiteFields<'_, Q, W, S>
where
    Q: Fn(Quick) -> Quick,
    W: Fn(&mut FrameWriter<'_>, Cursor) -> Cursor,
    S: Fn(&Record<'_>, &mut dyn Serializer) -> slog::Result,
{
    /// The site, two functions that write the values in the order of the site's keys, the quick way
    /// and the general one, and one that hands them to any serializer, the last one first, as slog
    /// does.
    #[inline]
    pub fn new(site: &'static CallSite, quick: Q, write: W, serialize: S) -> Self {
        SiteFields { site, quick, write, serialize, lifetime: std::marker::PhantomData }
    }

    /// Logs the call.
    #[inline]
    pub fn log<D>(&self, logger: &Logger<D>, message: &fmt::Arguments<'_>)
    where
        D: SendSyncUnwindSafeDrain<Ok = (), Err = slog::Never> + 'static,
    {
        // Known when the program is compiled.
        if TypeId::of::<D>() == TypeId::of::<PipelineDrain>() {
            // SAFETY: the two are one type.
            let logger = unsafe { &*std::ptr::from_ref(logger).cast::<Logger<PipelineDrain>>() };
            if quick::log(logger, self.site, message, |quick| (self.quick)(quick)) {
                return;
            }
        }
        self.with_record(message, |record| logger.log(record));
    }

    /// Lends the call as slog's record.
    #[inline]
    pub fn with_record<R>(
        &self,
        message: &fmt::Arguments<'_>,
        f: impl FnOnce(&Record<'_>) -> R,
    ) -> R {
        f(&Record::new(&self.site.record_static(), message, BorrowedKV(self)))
    }
}

impl<Q, W, S> slog::KV for SiteFields<'_, Q, W, S>
where
    W: Fn(&mut FrameWriter<'_>, Cursor) -> Cursor,
    S: Fn(&Record<'_>, &mut dyn Serializer) -> slog::Result,
{
    #[inline]
    fn serialize(&self, record: &Record<'_>, serializer: &mut dyn Serializer) -> slog::Result {
        match as_writer(serializer) {
            Ok(writer) => {
                writer.begin_site(self.site);
                let cursor = writer.cursor();
                let cursor = (self.write)(writer, cursor);
                writer.resume(cursor);
                Ok(())
            }
            Err(serializer) => (self.serialize)(record, serializer),
        }
    }
}

/// The serializer as the frame writer that it is, if it is the one that is at work in this thread.
fn as_writer(
    serializer: &mut dyn Serializer,
) -> Result<&mut FrameWriter<'static>, &mut dyn Serializer> {
    let address = std::ptr::from_mut(serializer).cast::<()>().addr();
    if with_local(|local| local.writer.get()) != address {
        return Err(serializer);
    }
    // SAFETY: the address is that of the writer at work in this thread, which is alive for as long
    // as it is noted there, and no other serializer can be at the same place. It came in as `&mut`,
    // so that it is borrowed by nobody else. The lifetime that is made up here is not seen outside:
    // `begin_site` and the closure take the writer for the length of the call, by a type that holds
    // for every lifetime.
    Ok(unsafe { &mut *std::ptr::from_mut(serializer).cast::<FrameWriter<'static>>() })
}

/// A value of a call through the facade's macros, on its way into the frame.
///
/// What is plain writes itself; everything else goes through slog's `Value`. Which of the two is
/// chosen by the type, at compile time: [`Plain`] is found first.
pub struct Field<'a, T: ?Sized>(pub &'a T);

/// Types that write themselves as what they are.
pub trait Plain {
    /// Writes the value as the next field.
    fn put(&self, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor;
    /// Writes it the quick way.
    fn put_quick(&self, quick: Quick) -> Quick;
}

macro_rules! plain {
    ($($type:ty => $method:ident as $as:ty),* $(,)?) => {
        $(impl Plain for $type {
            #[inline(always)]
            fn put(&self, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor {
                writer.$method(cursor, <$as>::from(*self))
            }

            #[inline(always)]
            fn put_quick(&self, quick: Quick) -> Quick {
                quick.$method(<$as>::from(*self))
            }
        })*
    };
}

plain! {
    bool => bool as bool,
    i8 => i64 as i64, i16 => i64 as i64, i32 => i64 as i64, i64 => i64 as i64,
    i128 => i128 as i128,
    u8 => u64 as u64, u16 => u64 as u64, u32 => u64 as u64, u64 => u64 as u64,
    u128 => u128 as u128,
    f64 => f64 as f64,
}

impl Plain for usize {
    #[inline(always)]
    fn put(&self, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor {
        writer.u64(cursor, *self as u64)
    }

    #[inline(always)]
    fn put_quick(&self, quick: Quick) -> Quick {
        quick.u64(*self as u64)
    }
}

impl Plain for isize {
    #[inline(always)]
    fn put(&self, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor {
        writer.i64(cursor, *self as i64)
    }

    #[inline(always)]
    fn put_quick(&self, quick: Quick) -> Quick {
        quick.i64(*self as i64)
    }
}

impl Plain for str {
    #[inline(always)]
    fn put(&self, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor {
        writer.str(cursor, self)
    }

    #[inline(always)]
    fn put_quick(&self, quick: Quick) -> Quick {
        quick.str(self)
    }
}

impl Plain for String {
    #[inline(always)]
    fn put(&self, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor {
        writer.str(cursor, self)
    }

    #[inline(always)]
    fn put_quick(&self, quick: Quick) -> Quick {
        quick.str(self)
    }
}

impl<T: Plain + ?Sized> Plain for &T {
    #[inline(always)]
    fn put(&self, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor {
        (**self).put(writer, cursor)
    }

    #[inline(always)]
    fn put_quick(&self, quick: Quick) -> Quick {
        (**self).put_quick(quick)
    }
}

/// Writes a plain value.
pub trait WritePlain {
    /// Writes the value as the next field.
    fn write(&self, key: &'static str, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor;
    /// Writes it the quick way.
    fn write_quick(&self, quick: Quick) -> Quick;
}

impl<T: Plain + ?Sized> WritePlain for &Field<'_, T> {
    #[inline(always)]
    fn write(&self, _key: &'static str, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor {
        self.0.put(writer, cursor)
    }

    #[inline(always)]
    fn write_quick(&self, quick: Quick) -> Quick {
        self.0.put_quick(quick)
    }
}

/// Writes whatever slog can serialise.
pub trait WriteValue {
    /// Writes the value as the next field.
    fn write(&self, key: &'static str, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor;
    /// Gives the quick way up.
    fn write_quick(&self, quick: Quick) -> Quick;
}

impl<T: slog::Value> WriteValue for Field<'_, T> {
    fn write(&self, key: &'static str, writer: &mut FrameWriter<'_>, cursor: Cursor) -> Cursor {
        writer.slog_value_at(cursor, key, self.0)
    }

    #[inline(always)]
    fn write_quick(&self, quick: Quick) -> Quick {
        quick.give_up()
    }
}
