//! What limits say in the log, and how they tell records apart.

use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};

use prisma_log_core::Level;
use prisma_log_core::support::contain;
use slog::{BorrowedKV, Key, Record, RecordLocation, RecordStatic, Serializer, o};

use crate::limit::Limit;

/// The message of a record that tells how many were suppressed.
pub(crate) const SUPPRESSED: &str = "records suppressed";

/// Makes the record that tells how many calls a limit kept back.
pub fn tell_suppressed(limit: &'static Limit, suppressed: u64, log: impl FnOnce(&Record<'_>)) {
    let level = slog::Level::from(limit.level());
    let location = RecordLocation {
        file: limit.file(),
        line: limit.line(),
        column: 0,
        function: "",
        module: limit.module(),
    };
    let facts = RecordStatic { location: &location, tag: "", level };
    let fields =
        o!("site" => format!("{}:{}", limit.file(), limit.line()), "suppressed" => suppressed);
    log(&Record::new(&facts, &format_args!("records suppressed"), BorrowedKV(&fields)));
}

/// A number that two records share if they say the same.
pub fn fingerprint(record: &Record<'_>) -> u64 {
    let mut hash = Fingerprint(DefaultHasher::new());
    Level::from(record.level()).hash(&mut hash.0);
    // What a value does here, it does again where it is written, and is contained there as well.
    let _contained = contain(|| {
        let _failed = hash.write_fmt(*record.msg());
        let _failed = slog::KV::serialize(&record.kv(), record, &mut hash);
    });
    hash.0.finish()
}

struct Fingerprint(DefaultHasher);

impl fmt::Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Serializer for Fingerprint {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        key.as_str().hash(&mut self.0);
        self.write_fmt(*value).map_err(|_| slog::Error::Fmt(fmt::Error))
    }
}
