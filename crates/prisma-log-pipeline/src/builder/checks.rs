//! Whether a pipeline can be as it is wanted.

use std::time::Duration;

use prisma_log_core::Error;

use crate::overflow::Overflow;
use crate::segment::{MAX_SINKS, Sizes};

use super::PipelineBuilder;

/// Chunks are no larger than this, unless a record needs it.
const CHUNK_BYTES: usize = 128 << 10;
/// A queue has so many chunks at least.
const MIN_CHUNKS: usize = 8;
/// Names of sinks are kept in the segment.
const MAX_NAME_BYTES: usize = 84;

impl PipelineBuilder {
    pub(super) fn sizes(&self) -> Result<Sizes, Error> {
        let check = |what: &str, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::config(format!("{what} is {value}: expected {least} to {most}")))
        };
        check("max_record_bytes", self.max_record_bytes, 1 << 10, 1 << 20)?;
        check("queue_bytes", self.queue_bytes, 1 << 20, 1 << 40)?;
        if !(Duration::from_micros(100)..=Duration::from_secs(10)).contains(&self.latency) {
            let what = format!("latency is {:?}: expected 100 µs to 10 s", self.latency);
            return Err(Error::config(what));
        }
        // A chunk holds a context and a record of the greatest size.
        let needed = (2 * self.max_record_bytes + 1024).next_multiple_of(4096);
        let chunk_bytes = needed.max(CHUNK_BYTES.min(self.queue_bytes / MIN_CHUNKS / 4096 * 4096));
        if self.queue_bytes < MIN_CHUNKS * chunk_bytes {
            let least = MIN_CHUNKS * chunk_bytes;
            return Err(Error::config(format!(
                "queue_bytes is {}: expected {least} at least, for records of up to {} bytes",
                self.queue_bytes, self.max_record_bytes
            )));
        }
        let spill_chunks = match &self.overflow {
            Overflow::Spill { max_bytes, .. } => {
                let chunks = *max_bytes / chunk_bytes as u64;
                if chunks == 0 {
                    let what = format!(
                        "max_bytes to spill is {max_bytes}: expected {chunk_bytes} at least"
                    );
                    return Err(Error::config(what));
                }
                u32::try_from(chunks).unwrap_or(1 << 24).min(1 << 24)
            }
            _ => 0,
        };
        let chunks = u32::try_from(self.queue_bytes / chunk_bytes).unwrap_or(1 << 20).min(1 << 20);
        Ok(Sizes { chunk_bytes: chunk_bytes as u32, chunks, spill_chunks })
    }

    pub(super) fn check_sinks(&self) -> Result<(), Error> {
        if self.sinks.len() > MAX_SINKS {
            let what = format!("{} sinks: a pipeline has {MAX_SINKS} at most", self.sinks.len());
            return Err(Error::config(what));
        }
        for (index, seat) in self.sinks.iter().enumerate() {
            if seat.name.is_empty() || seat.name.len() > MAX_NAME_BYTES {
                let what =
                    format!("sink name {:?}: expected 1 to {MAX_NAME_BYTES} bytes", seat.name);
                return Err(Error::config(what));
            }
            if self.sinks[..index].iter().any(|other| other.name == seat.name) {
                return Err(Error::config(format!("two sinks are called `{}`", seat.name)));
            }
        }
        Ok(())
    }

    /// For each sink the place of the one that stands in for it.
    pub(super) fn fallback_places(&self) -> Result<Vec<Option<usize>>, Error> {
        let names = || self.sinks.iter().map(|seat| seat.name.as_str());
        let place = |name: &str| {
            names().position(|known| known == name).ok_or_else(|| {
                let error = Error::config(format!("fallback: no sink is called `{name}`"));
                error.with_hint(format!("there are: {}", names().collect::<Vec<_>>().join(", ")))
            })
        };
        let mut places = vec![None; self.sinks.len()];
        for (sink, fallback) in &self.fallbacks {
            let (at, to) = (place(sink)?, place(fallback)?);
            if at == to {
                return Err(Error::config(format!("sink `{sink}` is its own fallback")));
            }
            if places[at].is_some_and(|known| known != to) {
                return Err(Error::config(format!("sink `{sink}` has two fallbacks")));
            }
            places[at] = Some(to);
        }
        for (start, seat) in self.sinks.iter().enumerate() {
            let mut chain = std::iter::successors(places[start], |&at: &usize| places[at]);
            if chain.by_ref().take(self.sinks.len()).any(|at| at == start) {
                let what = format!("the fallbacks of sink `{}` lead back to it", seat.name);
                return Err(Error::config(what));
            }
        }
        Ok(places)
    }
}
