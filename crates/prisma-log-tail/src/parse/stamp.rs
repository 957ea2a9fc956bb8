//! The forms of times, byte by byte.

use super::time::{Civil, Stated, epoch, month_and_day, nanos_of, of_day};

/// A time at the start of `s`, and how many bytes it takes.
pub(super) fn read(s: &[u8]) -> Option<(Stated, usize)> {
    let mut at = At { s, pos: 0 };
    let stated = match *s.first()? {
        b'0'..=b'9' => at.numeric()?,
        b'@' => at.tai64n()?,
        b'A'..=b'Z' | b'a'..=b'z' => Stated::Civil(at.named()?),
        _ => return None,
    };
    Some((stated, at.pos))
}

struct At<'a> {
    s: &'a [u8],
    pos: usize,
}

impl At<'_> {
    fn peek(&self) -> Option<u8> {
        self.s.get(self.pos).copied()
    }

    fn take(&mut self, one_of: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|b| one_of.contains(b))?;
        self.pos += 1;
        Some(byte)
    }

    fn spaces(&mut self) -> usize {
        let count = self.s[self.pos..].iter().take_while(|&&b| b == b' ').count();
        self.pos += count;
        count
    }

    fn digits(&self) -> usize {
        self.s[self.pos..].iter().take_while(|b| b.is_ascii_digit()).count()
    }

    /// Exactly `count` digits.
    fn number(&mut self, count: usize) -> Option<u32> {
        let digits = self.s.get(self.pos..self.pos + count)?;
        let mut number = 0;
        for &b in digits {
            if !b.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u32::from(b - b'0');
        }
        self.pos += count;
        Some(number)
    }

    /// One or two digits, the first of two may be a space.
    fn padded(&mut self) -> Option<u32> {
        if self.peek() == Some(b' ') {
            self.pos += 1;
            return self.number(1);
        }
        match self.digits() {
            1 => self.number(1),
            2 => self.number(2),
            _ => None,
        }
    }

    fn numeric(&mut self) -> Option<Stated> {
        let digits = self.digits();
        let after = self.s.get(digits).copied();
        let civil = match (digits, after) {
            (4, Some(b'-' | b'/' | b'.')) => self.year_first(),
            (8, Some(b'T' | b' ' | b'.' | b'-' | b'_')) | (14, _) => self.compact(),
            (6, Some(b' ')) => self.mysql_old(),
            (2, Some(b'/')) if self.s.get(5) == Some(&b'/') => self.two_digit_year(),
            (1 | 2, Some(b'/' | b'-' | b' ')) => self.day_first(),
            _ => None,
        };
        if let Some(civil) = civil {
            return Some(Stated::Civil(civil));
        }
        let (nanos, len) = epoch(self.s)?;
        let ends = self.s.get(len).is_none_or(|b| b" \t:,;]|\"".contains(b));
        self.pos = len;
        ends.then_some(Stated::Epoch(nanos))
    }

    /// `2026-11-24T08:00:00.123+01:00`, `2026/11/24 08:00:00`, `2012-025T10:22:40`, ….
    fn year_first(&mut self) -> Option<Civil> {
        let year = i64::from(self.number(4)?);
        let sep = self.take(b"-/.")?;
        let (month, day) = if sep == b'-' && self.digits() == 3 {
            month_and_day(year, self.number(3)?)?
        } else {
            let month = self.number(2)?;
            self.take(&[sep])?;
            (month, self.number(2)?)
        };
        self.take(b"T t_:-")?;
        if self.s[self.pos..].starts_with(b"- ") {
            self.pos += 2;
        }
        let civil = Civil { year: Some(year), month, day, ..Civil::default() };
        self.time_of_day(civil)
    }

    /// `20261124T080000`, `20261124.080000,123`, `20261124080000`.
    fn compact(&mut self) -> Option<Civil> {
        let year = i64::from(self.number(4)?);
        let (month, day) = (self.number(2)?, self.number(2)?);
        self.take(b"T ._-");
        let civil = Civil { year: Some(year), month, day, ..Civil::default() };
        if self.digits() < 6 {
            return self.time_of_day(civil);
        }
        let (hour, minute, second) = (self.number(2)?, self.number(2)?, self.number(2)?);
        self.finish(civil, hour, minute, second)
    }

    /// `201124  8:00:00`, as MySQL before 5.7.
    fn mysql_old(&mut self) -> Option<Civil> {
        let year = Some(2000 + i64::from(self.number(2)?));
        let (month, day) = (self.number(2)?, self.number(2)?);
        self.take(b" ")?;
        self.time_of_day(Civil { year, month, day, ..Civil::default() })
    }

    /// `26/11/24 08:00:00`, as Spark.
    fn two_digit_year(&mut self) -> Option<Civil> {
        let year = Some(2000 + i64::from(self.number(2)?));
        self.take(b"/")?;
        let month = self.number(2)?;
        self.take(b"/")?;
        let day = self.number(2)?;
        self.take(b" T")?;
        self.time_of_day(Civil { year, month, day, ..Civil::default() })
    }

    /// `24/Nov/2026:08:00:00 +0100`, `24-Nov-2026 08:00:00.123`, `24 Nov 2026 08:00:00`.
    fn day_first(&mut self) -> Option<Civil> {
        let day = self.padded()?;
        let sep = self.take(b"/- ")?;
        let month = self.month()?;
        self.take(&[sep])?;
        let year = Some(i64::from(self.number(4)?));
        self.take(b": T")?;
        self.time_of_day(Civil { year, month, day, ..Civil::default() })
    }

    /// `Nov 24 08:00:00`, `Nov 24 2026 08:00:00`, `Tue Nov 24 08:00:00 UTC 2026`,
    /// `Tue, 24 Nov 2026 08:00:00 +0100`.
    fn named(&mut self) -> Option<Civil> {
        if is_weekday(self.s) {
            self.pos = 3;
            if self.take(b",").is_some() {
                self.spaces();
                return self.day_first();
            }
            self.take(b" ")?;
        }
        let month = self.month()?;
        self.take(b" ")?;
        let day = self.padded()?;
        self.take(b",");
        self.take(b" ")?;
        let mut civil = Civil { month, day, ..Civil::default() };
        if self.digits() == 4 {
            civil.year = Some(i64::from(self.number(4)?));
            self.take(b" ")?;
        }
        let mut civil = self.time_of_day(civil)?;
        let end = self.pos;
        if civil.year.is_none() {
            // A year behind the time, as `date` and ctime write it.
            let spaced = self.spaces() > 0 && self.digits() == 4;
            let year = spaced.then(|| self.number(4)).flatten().map(i64::from);
            let ends = self.peek().is_none_or(|b| b" \t]:,;".contains(&b));
            civil.year = year.filter(|year| (1900..2200).contains(year) && ends);
            if civil.year.is_none() {
                self.pos = end;
            }
        }
        Some(civil)
    }

    fn month(&mut self) -> Option<u32> {
        const NAMES: &[u8; 36] = b"janfebmaraprmayjunjulaugsepoctnovdec";
        let name = self.s.get(self.pos..self.pos + 3)?;
        let index = NAMES.chunks(3).position(|month| month.eq_ignore_ascii_case(name))?;
        self.pos += 3;
        Some(index as u32 + 1)
    }

    fn time_of_day(&mut self, civil: Civil) -> Option<Civil> {
        let hour = self.padded()?;
        self.take(b":")?;
        let minute = self.number(2)?;
        let second = if self.take(b":").is_some() { self.number(2)? } else { 0 };
        self.finish(civil, hour, minute, second)
    }

    /// Fraction and zone behind a time of day.
    fn finish(&mut self, mut civil: Civil, hour: u32, minute: u32, second: u32) -> Option<Civil> {
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        civil.of_day = of_day(hour, minute, second);
        if let Some(b'.' | b',') = self.peek() {
            let digits = self.s[self.pos + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if digits > 0 {
                civil.nanos = nanos_of(&self.s[self.pos + 1..self.pos + 1 + digits]);
                self.pos += 1 + digits;
            }
        }
        civil.offset = self.zone();
        Some(civil)
    }

    /// `Z`, `+01:00`, ` +0100`, ` UTC`, ` CEST`; nothing is taken when there is none.
    fn zone(&mut self) -> Option<i32> {
        let start = self.pos;
        let spaces = self.spaces();
        let offset = match self.peek() {
            Some(b'+' | b'-') => self.numeric_zone(),
            Some(b'Z' | b'z') if spaces == 0 => {
                self.pos += 1;
                Some(0)
            }
            Some(b'A'..=b'Z') => self.named_zone(),
            _ => None,
        };
        let ends = self.peek().is_none_or(|b| !b.is_ascii_alphanumeric());
        let offset = offset.filter(|_| ends && spaces <= 1);
        if offset.is_none() {
            self.pos = start;
        }
        offset
    }

    fn numeric_zone(&mut self) -> Option<i32> {
        let sign = if self.take(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.number(2)?;
        let has_minutes = self.take(b":").is_some() || self.digits() == 2;
        let minutes = if has_minutes { self.number(2)? } else { 0 };
        (hours < 24 && minutes < 60).then(|| sign * (hours * 3600 + minutes * 60) as i32)
    }

    /// The usual abbreviations; others have several meanings and are left alone.
    fn named_zone(&mut self) -> Option<i32> {
        const ZONES: [(&[u8], i32); 27] = [
            (b"UTC", 0),
            (b"GMT", 0),
            (b"Z", 0),
            (b"WET", 0),
            (b"WEST", 1),
            (b"CET", 1),
            (b"CEST", 2),
            (b"EET", 2),
            (b"EEST", 3),
            (b"MSK", 3),
            (b"JST", 9),
            (b"KST", 9),
            (b"AWST", 8),
            (b"AEST", 10),
            (b"AEDT", 11),
            (b"NZST", 12),
            (b"NZDT", 13),
            (b"EST", -5),
            (b"EDT", -4),
            (b"CST", -6),
            (b"CDT", -5),
            (b"MST", -7),
            (b"MDT", -6),
            (b"PST", -8),
            (b"PDT", -7),
            (b"AKST", -9),
            (b"HST", -10),
        ];
        let rest = &self.s[self.pos..];
        let word = &rest[..rest.iter().take_while(|b| b.is_ascii_alphabetic()).count()];
        let (_, hours) = ZONES.iter().find(|(name, _)| *name == word)?;
        self.pos += word.len();
        Some(hours * 3600)
    }

    /// `@` and 24 hex digits: TAI64N, as daemontools write it: seconds since the Unix epoch plus
    /// 2^62 + 10, then nanoseconds.
    fn tai64n(&mut self) -> Option<Stated> {
        let hex = self.s.get(1..25)?;
        let number = |hex: &[u8]| {
            let text = std::str::from_utf8(hex).ok()?;
            let plain = hex.iter().all(u8::is_ascii_hexdigit);
            u64::from_str_radix(text, 16).ok().filter(|_| plain)
        };
        let seconds = number(&hex[..16])?.checked_sub((1 << 62) + 10)?;
        let nanos = i64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?;
        self.pos = 25;
        nanos.checked_add(i64::try_from(number(&hex[16..])?).ok()?).map(Stated::Epoch)
    }
}

fn is_weekday(s: &[u8]) -> bool {
    const NAMES: &[u8; 21] = b"MonTueWedThuFriSatSun";
    s.len() > 4 && matches!(s[3], b' ' | b',') && NAMES.chunks(3).any(|day| day == &s[..3])
}
