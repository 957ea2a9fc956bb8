//! Reading cron expressions, and saying where one is wrong.

use prisma_log_core::Error;

use super::{Times, bits};

/// One of the five fields.
struct Kind {
    name: &'static str,
    least: u32,
    most: u32,
    /// Words for values, in order from `least` on.
    words: &'static [&'static str],
}

const KINDS: [Kind; 5] = [
    Kind { name: "minute", least: 0, most: 59, words: &[] },
    Kind { name: "hour", least: 0, most: 23, words: &[] },
    Kind { name: "day of the month", least: 1, most: 31, words: &[] },
    Kind {
        name: "month",
        least: 1,
        most: 12,
        words: &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    },
    Kind {
        name: "day of the week",
        least: 0,
        most: 7,
        words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    },
];

/// Days of each month, February's in leap years.
const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A piece of the expression and the byte that it begins at.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    at: usize,
}

/// Reads pieces and makes errors that point into the whole.
struct Reader<'a> {
    whole: &'a str,
}

pub(super) fn parse(whole: &str) -> Result<Times, Error> {
    let reader = Reader { whole };
    let fields = pieces(whole);
    if let [name] = fields[..]
        && name.text.starts_with('@')
    {
        return reader.nickname(name);
    }
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(reader.wrong_number(&fields));
    };
    let [minutes_kind, hours_kind, days_kind, months_kind, weekdays_kind] = &KINDS;
    let any = |field: Piece<'_>| field.text.starts_with('*');
    let weekdays = reader.field(weekdays_kind, weekday)?;
    let times = Times {
        minutes: reader.field(minutes_kind, minute)?,
        hours: reader.field(hours_kind, hour)?,
        days: reader.field(days_kind, day)?,
        months: reader.field(months_kind, month)?,
        // Sunday may be 0 and 7.
        weekdays: (weekdays | weekdays >> 7) & bits(0, 6),
        both_days: any(day) || any(weekday),
        repeats: any(hour),
    };
    let months = || (1..=12).filter(|month| times.months >> month & 1 == 1);
    let days = |month: u32| times.days & bits(1, LENGTHS[month as usize - 1]);
    if times.both_days && months().all(|month| days(month) == 0) {
        let what = format!("no month of {:?} has a day {:?}", month.text, day.text);
        return Err(reader.wrong(days_kind, day.at, &what, "a day that comes"));
    }
    Ok(times)
}

/// The pieces between blanks.
fn pieces(whole: &str) -> Vec<Piece<'_>> {
    whole
        .split_whitespace()
        .map(|text| Piece { text, at: text.as_ptr().addr() - whole.as_ptr().addr() })
        .collect()
}

impl Reader<'_> {
    fn nickname(&self, name: Piece<'_>) -> Result<Times, Error> {
        let same = match name.text.to_ascii_lowercase().as_str() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            _ => {
                let error = self.error(name.at, &format!("unknown name {:?}", name.text));
                let hint = match name.text {
                    "@reboot" => "a rotation has `on_start` for that",
                    _ => "expected @hourly, @daily, @weekly, @monthly or @yearly",
                };
                return Err(error.with_hint(hint));
            }
        };
        parse(same)
    }

    fn wrong_number(&self, fields: &[Piece<'_>]) -> Error {
        let at = fields.get(5).map_or(self.whole.len(), |sixth| sixth.at);
        let found = match fields.len() {
            1 => "1 field, expected 5".to_owned(),
            count => format!("{count} fields, expected 5"),
        };
        let hint = match fields.len() {
            6 => "minute, hour, day of the month, month, day of the week; there are no seconds",
            _ => "minute, hour, day of the month, month, day of the week",
        };
        self.error(at, &found).with_hint(hint)
    }

    /// The values of a field, a bit for each.
    fn field(&self, kind: &Kind, field: Piece<'_>) -> Result<u64, Error> {
        let mut values = 0;
        let mut at = field.at;
        for text in field.text.split(',') {
            values |= self.item(kind, Piece { text, at })?;
            at += text.len() + 1;
        }
        Ok(values)
    }

    /// `*`, `5`, `1-5`, `*/15` or `8-18/2`.
    fn item(&self, kind: &Kind, item: Piece<'_>) -> Result<u64, Error> {
        let (range, step) = cut(item, '/');
        let (first, last) = cut(range, '-');
        let (from, to) = match last {
            _ if range.text == "*" => (kind.least, kind.most),
            Some(last) => {
                let (from, to) = (self.value(kind, first)?, self.value(kind, last)?);
                if from > to {
                    let what = format!("the range {:?} ends before it begins", range.text);
                    let expect = format!("a first value up to {:?}", last.text);
                    return Err(self
                        .wrong(kind, range.at, &what, &expect)
                        .with_hint("write two ranges with a comma between"));
                }
                (from, to)
            }
            None => {
                let value = self.value(kind, first)?;
                if let Some(step) = step {
                    let what = format!("a step after the single value {:?}", first.text);
                    let open = format!("{}-{}/{}", first.text, kind.most, step.text);
                    return Err(self
                        .wrong(kind, step.at - 1, &what, "a range or `*` before it")
                        .with_hint(format!("did you mean `{open}`?")));
                }
                (value, value)
            }
        };
        let step = match step {
            Some(step) => self.number(kind, step, 1, kind.most, "a step from")?,
            None => 1,
        };
        // 7 is another name for 0, not an eighth day of the week.
        let to = if range.text == "*" && kind.most == 7 { 6 } else { to };
        Ok((from..=to).step_by(step as usize).fold(0, |values, value| values | 1 << value))
    }

    fn value(&self, kind: &Kind, piece: Piece<'_>) -> Result<u32, Error> {
        let word = kind.words.iter().position(|word| piece.text.eq_ignore_ascii_case(word));
        match word {
            Some(index) => Ok(kind.least + index as u32),
            None => self.number(kind, piece, kind.least, kind.most, ""),
        }
    }

    fn number(
        &self,
        kind: &Kind,
        piece: Piece<'_>,
        least: u32,
        most: u32,
        what: &str,
    ) -> Result<u32, Error> {
        let digits = !piece.text.is_empty() && piece.text.bytes().all(|byte| byte.is_ascii_digit());
        let value =
            piece.text.parse().ok().filter(|value| digits && (least..=most).contains(value));
        value.ok_or_else(|| {
            let found = match piece.text {
                "" => "nothing".to_owned(),
                text => format!("{text:?}"),
            };
            let words = match (kind.words, what) {
                ([first, .., last], "") => format!(" or {first} to {last}"),
                _ => String::new(),
            };
            let blank = if what.is_empty() { "" } else { " " };
            self.wrong(kind, piece.at, &found, &format!("{what}{blank}{least} to {most}{words}"))
        })
    }

    fn wrong(&self, kind: &Kind, at: usize, found: &str, expect: &str) -> Error {
        self.error(at, &format!("{}: found {found}, expected {expect}", kind.name))
    }

    fn error(&self, at: usize, what: &str) -> Error {
        let column = self.whole[..at].chars().count() + 1;
        Error::config(format!("cron expression {:?}, column {column}: {what}", self.whole))
    }
}

/// What is before the first `mark`, and what is after it.
fn cut(piece: Piece<'_>, mark: char) -> (Piece<'_>, Option<Piece<'_>>) {
    match piece.text.split_once(mark) {
        Some((before, after)) => (
            Piece { text: before, at: piece.at },
            Some(Piece { text: after, at: piece.at + before.len() + mark.len_utf8() }),
        ),
        None => (piece, None),
    }
}
