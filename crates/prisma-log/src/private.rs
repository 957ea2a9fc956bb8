//! What the macros are made of; not for use by hand.

use std::fmt;

use prisma_log_core::{Clock as _, SystemClock};
pub use prisma_log_pipeline::macros::{
    CallSite, Cursor, Field, FrameWriter, Quick, SiteFields, WritePlain, WriteValue,
};
use prisma_log_pipeline::{Limit, Verdict, macros};
use slog::{Logger, Record, SendSyncUnwindSafeDrain, Serializer};

/// A call without a limit.
pub struct Unlimited;

impl Unlimited {
    /// Logs.
    #[inline(always)]
    pub fn log<D, Q, W, S>(
        self,
        logger: &Logger<D>,
        fields: &SiteFields<'_, Q, W, S>,
        message: &fmt::Arguments<'_>,
    ) where
        D: SendSyncUnwindSafeDrain<Ok = (), Err = slog::Never> + 'static,
        Q: Fn(Quick) -> Quick,
        W: Fn(&mut FrameWriter<'_>, Cursor) -> Cursor,
        S: Fn(&Record<'_>, &mut dyn Serializer) -> slog::Result,
    {
        fields.log(logger, message);
    }

    /// Logs through slog's macro.
    #[inline(always)]
    pub fn stock<D>(self, logger: &Logger<D>, log: impl FnOnce(&Logger<D>))
    where
        D: SendSyncUnwindSafeDrain<Ok = (), Err = slog::Never>,
    {
        log(logger);
    }
}

/// A call with a limit.
pub struct Limited(&'static Limit);

impl Limited {
    /// A call under this limit.
    pub fn new(limit: &'static Limit) -> Self {
        Limited(limit)
    }

    fn admits<D>(&self, logger: &Logger<D>, fingerprint: impl FnOnce() -> u64) -> bool
    where
        D: SendSyncUnwindSafeDrain<Ok = (), Err = slog::Never>,
    {
        let limit = self.0;
        let now = u64::try_from(SystemClock.now().unix_nanos()).unwrap_or(0);
        let fingerprint = if limit.compares_records() { fingerprint() } else { 0 };
        match limit.admit(now, fingerprint) {
            Verdict::Admit { suppressed: 0 } => true,
            Verdict::Admit { suppressed } => {
                macros::tell_suppressed(limit, suppressed, |record| logger.log(record));
                true
            }
            _ => false,
        }
    }

    /// Logs, if the limit admits it.
    pub fn log<D, Q, W, S>(
        self,
        logger: &Logger<D>,
        fields: &SiteFields<'_, Q, W, S>,
        message: &fmt::Arguments<'_>,
    ) where
        D: SendSyncUnwindSafeDrain<Ok = (), Err = slog::Never> + 'static,
        Q: Fn(Quick) -> Quick,
        W: Fn(&mut FrameWriter<'_>, Cursor) -> Cursor,
        S: Fn(&Record<'_>, &mut dyn Serializer) -> slog::Result,
    {
        if self.admits(logger, || fields.with_record(message, macros::fingerprint)) {
            fields.log(logger, message);
        }
    }

    /// Logs through slog's macro, if the limit admits it. Records are not compared then: `repeats`
    /// takes all of them for equal.
    pub fn stock<D>(self, logger: &Logger<D>, log: impl FnOnce(&Logger<D>))
    where
        D: SendSyncUnwindSafeDrain<Ok = (), Err = slog::Never>,
    {
        if self.admits(logger, || 1) {
            log(logger);
        }
    }
}
