//! Silences in the store.

use prisma_log_core::{Error, Timestamp};
use redb::{ReadableTable, ReadableTableMetadata};

use super::Store;
use super::db::Fault;
use super::tables::{AlertTables, NEXT_SILENCE, OPERATIONS, SILENCES};
use crate::{Silence, SilenceBuilder, SilenceState};

/// Silences that are kept, those that have ended included.
const MAX_SILENCES: u64 = if cfg!(test) { 20 } else { 10_000 };

impl Store {
    /// Makes a silence; a monitor that runs on the store minds it within about a second.
    ///
    /// At most 10,000 are kept; those that ended make room for new ones.
    ///
    /// # Errors
    /// When it has no matchers or more than 32, no end or one that is over, when author or comment are
    /// outside their limits, when 10,000 have not ended, or when the file can't be written.
    pub fn silence(&self, silence: SilenceBuilder) -> Result<Silence, Error> {
        let now = self.clock.now();
        self.db.write(|transaction| {
            let mut tables = AlertTables::open(transaction)?;
            let silence = silence.build(tables.add(NEXT_SILENCE, 1)?, now)?;
            tables.add(OPERATIONS, 1)?;
            let mut rows = transaction.open_table(SILENCES)?;
            while rows.len()? >= MAX_SILENCES {
                let Some(ended) = first_ended(&rows, now)? else {
                    return Err(Error::state(format!("there are {MAX_SILENCES} silences")).into());
                };
                rows.remove(ended)?;
            }
            rows.insert(silence.number, &*silence.to_bytes())?;
            Ok(silence)
        })
    }

    /// The silences that are kept, oldest first; [`Silence::state`] tells which of them mute.
    ///
    /// # Errors
    /// When the file can't be read or is damaged.
    pub fn silences(&self) -> Result<Vec<Silence>, Error> {
        self.db.read(|transaction| all(&transaction.open_table(SILENCES)?))
    }

    /// Ends a silence before its time; the letter and zeros of its id may be left out.
    ///
    /// # Errors
    /// When there is none, when it has ended, when `by` is outside the limits of
    /// [`Store::acknowledge`], or when the file can't be written.
    pub fn expire_silence(&self, id: &str, by: &str) -> Result<Silence, Error> {
        let digits = id.strip_prefix(['S', 's']).unwrap_or(id);
        let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok());
        let number: u64 = number.flatten().ok_or_else(|| {
            let what = format!("invalid silence id {id:?}: expected `S` and a number");
            Error::config(what).with_hint("such as S000007")
        })?;
        let now = self.clock.now();
        self.db.write(|transaction| {
            let mut rows = transaction.open_table(SILENCES)?;
            let silence = rows.get(number)?.map(|row| Silence::from_bytes(row.value()));
            let Some(mut silence) = silence.transpose()? else {
                return Err(
                    Error::state(format!("there is no silence {}", id.escape_debug())).into()
                );
            };
            silence.expire(by, now)?;
            rows.insert(number, &*silence.to_bytes())?;
            AlertTables::open(transaction)?.add(OPERATIONS, 1)?;
            Ok(silence)
        })
    }
}

pub(super) fn all(rows: &impl ReadableTable<u64, &'static [u8]>) -> Result<Vec<Silence>, Fault> {
    let mut silences = Vec::new();
    for row in rows.iter()? {
        silences.push(Silence::from_bytes(row?.1.value())?);
    }
    Ok(silences)
}

fn first_ended(
    rows: &impl ReadableTable<u64, &'static [u8]>,
    now: Timestamp,
) -> Result<Option<u64>, Fault> {
    for row in rows.iter()? {
        let silence = Silence::from_bytes(row?.1.value())?;
        if silence.state(now) == SilenceState::Expired {
            return Ok(Some(silence.number));
        }
    }
    Ok(None)
}
