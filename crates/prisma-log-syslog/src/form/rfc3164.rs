//! Messages of RFC 3164: text behind a tag.

use std::io::Write as _;

use jiff::tz::TimeZone;
use prisma_log_core::{Record, Timestamp};
use prisma_log_format::{TextEncoder, TextPart};

use super::Header;
use super::text::{cut_at, push_cut};

/// Most bytes of a logger's name.
const MAX_LOGGER: usize = 128;

/// Options of the form.
pub(crate) struct Rfc3164 {
    pub(crate) header: Header,
    pub(crate) zone: TimeZone,
    pub(crate) text: TextEncoder,
    pub(crate) parts: Parts,
}

/// A record as [`TextEncoder`] writes it, and where its parts are.
#[derive(Default)]
pub(crate) struct Parts {
    line: Vec<u8>,
    logger: (usize, usize),
    message: (usize, usize),
    /// Where each pair begins, and where the last ends.
    pairs: Vec<usize>,
}

impl Rfc3164 {
    /// Appends the record as one message of at most `max` bytes; says whether it was cut.
    pub(crate) fn encode(&mut self, record: &Record<'_>, max: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        self.header.push_priority(record.level, out);
        push_time(record.timestamp, &self.zone, out);
        out.extend_from_slice(&self.header.origin);
        self.parts.fill(&self.text, record);
        let parts = &self.parts;
        let line = str::from_utf8(&parts.line).unwrap_or_default();
        let logger = &line[parts.logger.0..parts.logger.1];
        push_cut(logger, cut_at(logger, MAX_LOGGER), out);
        out.extend_from_slice(b": ");
        let message = &line[parts.message.0..parts.message.1];
        let room = max.saturating_sub(out.len() - start);
        let pairs = &line[parts.message.1..];
        if message.len() + pairs.len() <= room {
            out.extend_from_slice(message.as_bytes());
            out.extend_from_slice(pairs.as_bytes());
            return false;
        }
        parts.push_cut(message, line, room, out);
        true
    }
}

impl Parts {
    fn fill(&mut self, text: &TextEncoder, record: &Record<'_>) {
        self.line.clear();
        self.line.shrink_to(64 * 1024);
        self.pairs.clear();
        let mut last = None;
        text.encode_parts(record, &mut self.line, |part, line| {
            let at = line.len();
            match last {
                Some(TextPart::Logger) => self.logger.1 = at,
                Some(TextPart::Message) => self.message.1 = at,
                _ => {}
            }
            match part {
                TextPart::Logger => self.logger.0 = at,
                TextPart::Message => self.message.0 = at,
                // What the encoder knows of the record besides its fields counts as one pair.
                TextPart::Envelope => self.pairs.push(at),
                // The space before a key, not the `=` behind it.
                TextPart::Separator
                    if matches!(last, Some(TextPart::Envelope | TextPart::Value)) =>
                {
                    self.pairs.push(at);
                }
                _ => {}
            }
            last = Some(part);
        });
        self.pairs.push(self.line.len());
    }

    /// As in the newer form: the message has at least half of the room, pairs are dropped whole.
    fn push_cut(&self, message: &str, line: &str, room: usize, out: &mut Vec<u8>) {
        let total = self.pairs.len() - 1;
        let digits = |number: usize| number.checked_ilog10().map_or(1, |log| log as usize + 1);
        // User keys that begin with `fields.` are written with another `fields.` before them.
        let note = " fields.cut= fields.message_cut=".len() + digits(total) + digits(message.len());
        let room = room.saturating_sub(note);
        let begin = self.pairs[0];
        let wanted = message.len().min((room / 2).max(room.saturating_sub(line.len() - begin)));
        let mut count = total;
        while count > 0 && self.pairs[count] - begin > room - wanted {
            count -= 1;
        }
        let end = self.pairs[count];
        let at = cut_at(message, room - (end - begin));
        push_cut(message, at, out);
        out.extend_from_slice(&line.as_bytes()[begin..end]);
        let notes = [("cut", total - count), ("message_cut", message.len() - at)];
        for (name, left_out) in notes.into_iter().filter(|&(_, left_out)| left_out > 0) {
            // Writing to a vector never fails.
            let _infallible = write!(out, " fields.{name}={left_out}");
        }
    }
}

/// Appends `Nov 24 08:00:00 `: local time, the day padded with a space.
fn push_time(time: Timestamp, zone: &TimeZone, out: &mut Vec<u8>) {
    let instant = jiff::Timestamp::from_nanosecond(i128::from(time.unix_nanos()));
    let local = zone.to_datetime(instant.unwrap_or(jiff::Timestamp::UNIX_EPOCH));
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = usize::from(local.month().unsigned_abs()).saturating_sub(1) * 3;
    out.extend_from_slice(&MONTHS[month..month + 3]);
    let (day, hour) = (local.day(), local.hour());
    // Writing to a vector never fails.
    let _infallible =
        write!(out, " {day:2} {hour:02}:{:02}:{:02} ", local.minute(), local.second());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_without_a_year() {
        let check = |zone: TimeZone, seconds: i64, expect: &str| {
            let mut out = Vec::new();
            push_time(Timestamp::from_unix_seconds(seconds), &zone, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(TimeZone::UTC, 0, "Jan  1 00:00:00 ");
        check(TimeZone::UTC, 1_795_507_200, "Nov 24 08:00:00 ");
        check(TimeZone::fixed(jiff::tz::offset(-9)), 1_795_507_200, "Nov 23 23:00:00 ");
        check(TimeZone::UTC, i64::MIN / 1_000_000_000, "Sep 21 00:12:44 ");
    }
}
