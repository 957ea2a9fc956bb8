//! The stored form of an alert.

use prisma_log_core::Error;

use super::{Alert, AlertState, Group, Inner, Transition};
use crate::Severity;
use crate::codec::{Reader, Writer};

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

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Alert, Error> {
        let number = from.u64()?;
        Ok(Alert {
            id: Alert::id_of(number),
            rule: from.text()?.to_owned(),
            description: from.text()?.to_owned(),
            severity: from.choice(&Severity::ALL)?,
            state: from.choice(&AlertState::ALL)?,
            group: Group(from.list(|from| Ok((from.text()?.to_owned(), from.text()?.to_owned())))?),
            sources: from.list(Reader::path)?,
            first_seen: from.time()?,
            last_seen: from.time()?,
            count: from.u64()?,
            message: from.text()?.to_owned(),
            samples: from.list(|from| from.text().map(str::to_owned))?,
            history: from.list(|from| {
                Ok(Transition {
                    from: from.option(|from| from.choice(&AlertState::ALL))?,
                    to: from.choice(&AlertState::ALL)?,
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
            },
        })
    }
}
