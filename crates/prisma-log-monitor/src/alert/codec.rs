//! The stored form of an alert.

use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::{Action, Alert, AlertState, Comment, Group, Inner, Transition};
use crate::codec::{Reader, Writer};
use crate::{Escalation, Severity};

impl Alert {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        self.write(&mut out);
        out.finish()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Alert, Error> {
        let mut reader = Reader::new(bytes, "alert")?;
        let alert = Alert::read(&mut reader)?;
        reader.finish()?;
        Ok(alert)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        self.write_first(out);
        self.write_later(out);
    }

    /// What the first version of the store had.
    pub(crate) fn write_first(&self, out: &mut Writer) {
        out.u64(self.inner.number);
        out.text(&self.rule);
        out.text(&self.description);
        out.choice(&Severity::ALL, self.severity);
        out.choice(&AlertState::ALL, self.state);
        out.list(self.group.iter(), |out, (key, value)| {
            out.text(key);
            out.text(value);
        });
        out.list(self.sources.iter(), |out, path| out.path(path));
        out.time(self.first_seen);
        out.time(self.last_seen);
        out.u64(self.count);
        out.text(&self.message);
        out.list(self.samples.iter(), |out, sample| out.text(sample));
        out.list(self.history.iter(), |out, step| {
            out.option(step.from, |out, from| out.choice(&AlertState::ALL, from));
            out.choice(&AlertState::ALL, step.to);
            out.time(step.at);
            out.option(step.by.as_deref(), Writer::text);
            out.option(step.note.as_deref(), Writer::text);
        });
        out.duration(self.inner.resolve_after);
        out.time(self.inner.quiet_since);
        out.path(&self.inner.quiet_source);
        out.u64(self.inner.counted);
        out.option(self.inner.resolved_number, Writer::u64);
    }

    /// What the first version of the store did not have.
    fn write_later(&self, out: &mut Writer) {
        out.list(self.labels.iter(), |out, (key, value)| {
            out.text(key);
            out.text(value);
        });
        out.option(self.why.as_deref(), Writer::text);
        out.option(self.assignee.as_deref(), Writer::text);
        out.list(self.comments.iter(), |out, comment| {
            out.time(comment.at);
            out.text(&comment.by);
            out.text(&comment.text);
        });
        out.u64(u64::from(self.flapping));
        out.list(self.history.iter(), |out, step| out.choice(&Action::ALL, step.action));
        out.time(self.inner.open_since);
        out.list(self.inner.escalation.iter(), |out, step| {
            out.duration(step.after);
            out.choice(&Severity::ALL, step.severity);
        });
        out.list(self.inner.changes.iter(), |out, at| out.time(*at));
        out.duration(self.inner.calm_after);
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Alert, Error> {
        let number = from.u64()?;
        let mut alert = Alert {
            id: Alert::id_of(number),
            rule: from.text()?.to_owned(),
            description: from.text()?.to_owned(),
            labels: Vec::new(),
            severity: from.choice(&Severity::ALL)?,
            state: from.choice(&AlertState::ALL)?,
            group: Group(from.list(|from| Ok((from.text()?.to_owned(), from.text()?.to_owned())))?),
            sources: from.list(Reader::path)?,
            first_seen: from.time()?,
            last_seen: from.time()?,
            count: from.u64()?,
            message: from.text()?.to_owned(),
            why: None,
            assignee: None,
            comments: Vec::new(),
            flapping: false,
            samples: from.list(|from| from.text().map(str::to_owned))?,
            history: from.list(|from| {
                let before = from.option(|from| from.choice(&AlertState::ALL))?;
                let to = from.choice(&AlertState::ALL)?;
                Ok(Transition {
                    action: Action::between(before, to),
                    from: before,
                    to,
                    at: from.time()?,
                    by: from.option(Reader::text)?.map(str::to_owned),
                    note: from.option(Reader::text)?.map(str::to_owned),
                })
            })?,
            inner: Inner {
                number,
                resolve_after: from.duration()?,
                quiet_since: from.time()?,
                quiet_source: from.path()?,
                counted: from.u64()?,
                resolved_number: from.option(Reader::u64)?,
                open_since: Timestamp::from_unix_nanos(i64::MAX),
                escalation: Vec::new(),
                changes: Vec::new(),
                calm_after: Duration::ZERO,
            },
        };
        if !from.is_at_end() {
            alert.read_later(from)?;
        }
        Ok(alert)
    }

    fn read_later(&mut self, from: &mut Reader<'_>) -> Result<(), Error> {
        self.labels = from.list(|from| Ok((from.text()?.to_owned(), from.text()?.to_owned())))?;
        self.why = from.option(Reader::text)?.map(str::to_owned);
        self.assignee = from.option(Reader::text)?.map(str::to_owned);
        self.comments = from.list(|from| {
            Ok(Comment {
                at: from.time()?,
                by: from.text()?.to_owned(),
                text: from.text()?.to_owned(),
            })
        })?;
        self.flapping = from.choice(&[false, true])?;
        let actions = from.list(|from| from.choice(&Action::ALL))?;
        if actions.len() != self.history.len() {
            return Err(from.bad("its history does not fit"));
        }
        for (step, action) in self.history.iter_mut().zip(actions) {
            step.action = action;
        }
        self.inner.open_since = from.time()?;
        self.inner.escalation = from.list(|from| {
            Ok(Escalation { after: from.duration()?, severity: from.choice(&Severity::ALL)? })
        })?;
        self.inner.changes = from.list(Reader::time)?;
        self.inner.calm_after = from.duration()?;
        Ok(())
    }
}
