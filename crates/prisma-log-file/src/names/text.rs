//! `2026-11-23T23-59-58-0500.2.gz` and back: one text for each archive, one archive for each text.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::{Archive, Stamp};
use crate::compression::Packing;

/// What follows the base name and its dot.
pub(super) fn print(archive: &Archive) -> String {
    let Archive { stamp: Stamp { seconds, offset }, number, packed } = *archive;
    let local = local(seconds, offset).unwrap_or_default();
    // What `strftime` could do as well, without its errors.
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}-{:02}-{:02}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    );
    let sign = if offset < 0 { '-' } else { '+' };
    let east = offset.unsigned_abs();
    let (hours, minutes, rest) = (east / 3600, east / 60 % 60, east % 60);
    match (east, rest) {
        (0, _) => text.push('Z'),
        (_, 0) => text.push_str(&format!("{sign}{hours:02}{minutes:02}")),
        _ => text.push_str(&format!("{sign}{hours:02}{minutes:02}{rest:02}")),
    }
    if number > 1 {
        text.push_str(&format!(".{number}"));
    }
    if let Some(packing) = packed {
        text.push('.');
        text.push_str(packing.ending());
    }
    text
}

/// Only what [`print`] writes for some archive.
pub(super) fn parse(text: &[u8]) -> Option<Archive> {
    let archive = read(std::str::from_utf8(text).ok()?)?;
    // Leading zeros, `+0000`, the 30th of February, …: whatever has another text isn't ours.
    (print(&archive).as_bytes() == text).then_some(archive)
}

fn read(text: &str) -> Option<Archive> {
    let (local, rest) = (text.get(..19)?, text.get(19..)?);
    let mut parts = rest.split('.');
    let offset = read_offset(parts.next()?)?;
    let seconds = read_seconds(local, offset)?;
    let mut next = parts.next();
    let number = match next.map(str::parse) {
        Some(Ok(number)) => {
            next = parts.next();
            number
        }
        _ => 1,
    };
    let packed = match next {
        Some(ending) => Some(Packing::of_ending(ending)?),
        None => None,
    };
    let archive = Archive { stamp: Stamp { seconds, offset }, number, packed };
    (number > 0 && parts.next().is_none()).then_some(archive)
}

fn read_offset(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'Z' => return (text.len() == 1).then_some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = &text[1..];
    let part = |from: usize| digits.get(from..from + 2)?.parse::<i32>().ok();
    let seconds = match digits.len() {
        4 => 0,
        6 => part(4)?,
        _ => return None,
    };
    Some(sign * (part(0)? * 3600 + part(2)? * 60 + seconds))
}

/// Seconds since 1970-01-01T00:00:00Z of a local time `2026-11-23T23-59-58`.
fn read_seconds(text: &str, offset: i32) -> Option<i64> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize| i8::try_from(part(from, from + 2)?).ok();
    let (month, day) = (small(5)?, small(8)?);
    let (hour, minute, second) = (small(11)?, small(14)?, small(17)?);
    let year = part(0, 4).filter(|year| *year >= 0)?;
    let local = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let offset = Offset::from_seconds(offset).ok()?;
    Some(offset.to_timestamp(local).ok()?.as_second())
}

fn local(seconds: i64, offset: i32) -> Option<DateTime> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(Offset::from_seconds(offset).ok()?.to_datetime(time))
}
