//! Silences: people say for how long they don't want to hear of something.

use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::matcher::{Matcher, all_match};
use crate::Alert;
use crate::alert::{check_by, check_note, optional};
use crate::codec::{Reader, Writer};
use crate::text::{json_array, json_object, json_string};

const MAX_MATCHERS: usize = 32;

/// No news of the alerts that match, from a start to an end.
///
/// A silenced alert exists and counts on; when the silence ends and the alert is not over, its news
/// goes out. Times are those of the wall clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Silence {
    /// `S` and a number that grows: `S000007`.
    pub id: String,
    /// What an alert must satisfy, all of it.
    pub matchers: Vec<Matcher>,
    /// From when on.
    pub starts: Timestamp,
    /// Until when.
    pub ends: Timestamp,
    /// Who wants it.
    pub author: String,
    /// Why.
    pub comment: String,
    /// When it was made.
    pub created: Timestamp,
    /// Who ended it before its time.
    pub expired_by: Option<String>,
    pub(crate) number: u64,
}

/// Whether a silence mutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SilenceState {
    /// Not yet.
    Pending,
    /// It does.
    Active,
    /// Not any more.
    Expired,
}

impl SilenceState {
    /// The name in JSON: `pending`, `active`, `expired`.
    pub const fn as_str(self) -> &'static str {
        match self {
            SilenceState::Pending => "pending",
            SilenceState::Active => "active",
            SilenceState::Expired => "expired",
        }
    }
}

impl Silence {
    /// Starts a silence of `author`'s, who is 1 to 256 bytes without control characters.
    pub fn builder(author: impl Into<String>) -> SilenceBuilder {
        SilenceBuilder {
            matchers: Vec::new(),
            starts: None,
            end: None,
            author: author.into(),
            comment: String::new(),
        }
    }

    /// Whether it mutes at `now`.
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if now >= self.ends {
            SilenceState::Expired
        } else if now < self.starts {
            SilenceState::Pending
        } else {
            SilenceState::Active
        }
    }

    /// Whether the alert satisfies its matchers.
    pub fn matches(&self, alert: &Alert) -> bool {
        all_match(&self.matchers, alert)
    }

    /// The silence as one line of JSON: `id`, `state` (at `now`), `matchers` (texts such as
    /// `severity=critical`), `starts`, `ends`, `author`, `comment`, `created`, `expired_by`.
    pub fn to_json(&self, now: Timestamp) -> String {
        let time = |time: Timestamp| json_string(&time.to_string());
        json_object([
            ("id", json_string(&self.id)),
            ("state", json_string(self.state(now).as_str())),
            ("matchers", json_array(self.matchers.iter().map(|m| json_string(&m.to_string())))),
            ("starts", time(self.starts)),
            ("ends", time(self.ends)),
            ("author", json_string(&self.author)),
            ("comment", json_string(&self.comment)),
            ("created", time(self.created)),
            ("expired_by", optional(self.expired_by.as_deref())),
        ])
    }

    /// Ends it before its time.
    pub(crate) fn expire(&mut self, by: &str, now: Timestamp) -> Result<(), Error> {
        let by = check_by(by)?;
        if self.state(now) == SilenceState::Expired {
            return Err(Error::state(format!("silence {} has ended already", self.id)));
        }
        self.starts = self.starts.min(now);
        self.ends = now;
        self.expired_by = Some(by);
        Ok(())
    }

    pub(crate) fn id_of(number: u64) -> String {
        format!("S{number:06}")
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u64(self.number);
        out.list(self.matchers.iter(), |out, matcher| matcher.write(out));
        out.time(self.starts);
        out.time(self.ends);
        out.text(&self.author);
        out.text(&self.comment);
        out.time(self.created);
        out.option(self.expired_by.as_deref(), Writer::text);
        out.finish()
    }

    pub(crate) fn from_bytes(row: &[u8]) -> Result<Self, Error> {
        let mut from = Reader::new(row, "silence")?;
        let number = from.u64()?;
        let silence = Silence {
            id: Silence::id_of(number),
            number,
            matchers: from.list(Matcher::read)?,
            starts: from.time()?,
            ends: from.time()?,
            author: from.text()?.to_owned(),
            comment: from.text()?.to_owned(),
            created: from.time()?,
            expired_by: from.option(Reader::text)?.map(str::to_owned),
        };
        from.finish()?;
        Ok(silence)
    }
}

/// Collects what a silence is about; [`Store::silence`](crate::Store::silence) makes it.
#[derive(Clone, Debug)]
#[must_use = "a silence is made by `Store::silence`"]
pub struct SilenceBuilder {
    matchers: Vec<Matcher>,
    starts: Option<Timestamp>,
    end: Option<End>,
    author: String,
    comment: String,
}

#[derive(Clone, Copy, Debug)]
enum End {
    At(Timestamp),
    After(Duration),
}

impl SilenceBuilder {
    /// What alerts must satisfy, too; 1 to 32 times.
    pub fn matcher(mut self, matcher: Matcher) -> Self {
        self.matchers.push(matcher);
        self
    }

    /// From when on; at once unless told otherwise.
    pub fn starts(mut self, at: Timestamp) -> Self {
        self.starts = Some(at);
        self
    }

    /// Until when; it or [`SilenceBuilder::lasts`] is required.
    pub fn ends(mut self, at: Timestamp) -> Self {
        self.end = Some(End::At(at));
        self
    }

    /// How long from its start.
    pub fn lasts(mut self, duration: Duration) -> Self {
        self.end = Some(End::After(duration));
        self
    }

    /// Why; at most 4 KiB.
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// The silence with this number, made at `now`.
    pub(crate) fn build(self, number: u64, now: Timestamp) -> Result<Silence, Error> {
        let author = check_by(&self.author)?;
        check_note(&self.comment)?;
        if self.matchers.is_empty() || self.matchers.len() > MAX_MATCHERS {
            let matchers = self.matchers.len();
            return Err(Error::config(format!(
                "a silence has 1 to {MAX_MATCHERS} matchers, not {matchers}"
            )));
        }
        let starts = self.starts.unwrap_or(now);
        let ends = match self.end {
            Some(End::At(at)) => at,
            Some(End::After(duration)) => starts.saturating_add(duration),
            None => return Err(Error::config("a silence must have an end")),
        };
        if ends <= starts || ends <= now {
            return Err(Error::config("a silence must end after its start, and later than now"));
        }
        Ok(Silence {
            id: Silence::id_of(number),
            matchers: self.matchers,
            starts,
            ends,
            author,
            comment: self.comment,
            created: now,
            expired_by: None,
            number,
        })
    }
}
