//! The way back: any slog drain as a sink.

use std::fmt;

use slog::{Drain, OwnedKVList, Serializer, o};

use crate::static_str::{static_key, static_site};
use crate::{BatchError, ContextData, Durability, Error, FieldsRef, Record, Sink, Value};

/// Makes any [`slog::Drain`] a [`Sink`].
///
/// The drain sees the record's fields, then the context's and the logger's name as further
/// key-values (`trace_id`, `span_id`, `user_id`, …, `logger`), in the order that slog itself
/// would hand them over: last written first. The timestamp is the drain's own business in slog,
/// and so is durability: the sink claims [`Durability::Memory`].
#[derive(Debug)]
pub struct DrainSink<D>(D);

impl<D> DrainSink<D>
where
    D: Drain + Send,
    D::Err: fmt::Display,
{
    /// Wraps a drain.
    pub fn new(drain: D) -> Self {
        DrainSink(drain)
    }
}

impl<D> Sink for DrainSink<D>
where
    D: Drain + Send,
    D::Err: fmt::Display,
{
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for (delivered, record) in batch.iter().enumerate() {
            let logged = record.with_slog(|record, values| {
                let logged = self.0.log(record, values);
                logged.map_err(|error| Error::state(format!("the drain failed: {error}")))
            });
            if let Err(error) = logged {
                return Err(BatchError::new(delivered, error));
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        match self.0.flush() {
            // A drain that can't flush has promised nothing beyond memory.
            Ok(()) | Err(slog::FlushError::NotSupported) => Ok(()),
            Err(error) => Err(Error::state(format!("the drain could not be flushed: {error}"))),
        }
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

impl Record<'_> {
    /// Lends the record in slog's own form, as [`DrainSink`] hands it to a drain.
    ///
    /// slog wants the texts of a call site to live for ever. Each different one is kept, up to
    /// 16,384 of at most 1,024 bytes; others are handed over empty.
    pub fn with_slog<R>(&self, f: impl FnOnce(&slog::Record<'_>, &OwnedKVList) -> R) -> R {
        let site = static_site(self.site);
        let location = slog::RecordLocation {
            file: site.file,
            line: site.line,
            column: site.column,
            function: site.function,
            module: site.module,
        };
        let fixed =
            slog::RecordStatic { location: &location, tag: self.tag, level: self.level.into() };
        let message = format_args!("{}", self.message);
        let values = RecordKv { logger: self.logger, fields: self.fields, context: self.context };
        let record = slog::Record::new(&fixed, &message, slog::BorrowedKV(&values));
        f(&record, &OwnedKVList::from(o!()))
    }
}

struct RecordKv<'a> {
    logger: &'a str,
    fields: FieldsRef<'a>,
    context: &'a ContextData,
}

impl slog::KV for RecordKv<'_> {
    fn serialize(
        &self,
        _record: &slog::Record<'_>,
        serializer: &mut dyn Serializer,
    ) -> slog::Result {
        emit_reversed(self.fields, serializer)?;
        emit_reversed(self.context.entries.as_ref(), serializer)?;
        if let Some(id) = self.context.span_id {
            serializer.emit_arguments("span_id".into(), &format_args!("{id}"))?;
        }
        if let Some(id) = self.context.trace_id {
            serializer.emit_arguments("trace_id".into(), &format_args!("{id}"))?;
        }
        if self.logger.is_empty() {
            return Ok(());
        }
        serializer.emit_str("logger".into(), self.logger)
    }
}

/// Hands fields to a serializer as slog's macros would: last written first.
pub fn emit_reversed(fields: FieldsRef<'_>, serializer: &mut dyn Serializer) -> slog::Result {
    let fields = fields.iter();
    // At most one for each byte: the count itself may be wrong.
    let mut in_order = Vec::with_capacity(fields.size_hint().1.unwrap_or(0));
    in_order.extend(fields);
    for (key, value) in in_order.into_iter().rev() {
        let key = static_key(key);
        match value {
            Value::Null => serializer.emit_none(key),
            Value::Bool(v) => serializer.emit_bool(key, v),
            Value::I64(v) => serializer.emit_i64(key, v),
            Value::U64(v) => serializer.emit_u64(key, v),
            Value::I128(v) => serializer.emit_i128(key, v),
            Value::U128(v) => serializer.emit_u128(key, v),
            Value::F64(v) => serializer.emit_f64(key, v),
            Value::Str(v) => serializer.emit_str(key, v),
            Value::Bytes(v) => serializer.emit_bytes(key, v, slog::BytesKind::Stream),
            Value::Json(v) => match serde_json::from_str::<serde_json::Value>(v) {
                Ok(tree) => serializer.emit_serde(key, &slog::Serde(tree)),
                Err(_) => serializer.emit_str(key, v),
            },
        }?;
    }
    Ok(())
}
