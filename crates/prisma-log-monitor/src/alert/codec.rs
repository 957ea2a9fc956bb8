//! The stored form of an alert.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

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
        out.u64(position(&Severity::ALL, self.severity));
        out.u64(position(&AlertState::ALL, self.state));
        out.list(self.group.iter(), |out, (key, value)| {
            out.text(key);
            out.text(value);
        });
        out.list(self.sources.iter(), |out, path| write_path(out, path));
        out.time(self.first_seen);
        out.time(self.last_seen);
        out.u64(self.count);
        out.list(self.samples.iter(), |out, sample| out.text(sample));
        out.list(self.history.iter(), |out, step| {
            out.option(step.from, |out, from| out.u64(position(&AlertState::ALL, from)));
            out.u64(position(&AlertState::ALL, step.to));
            out.time(step.at);
            out.option(step.by.as_deref(), Writer::text);
            out.option(step.note.as_deref(), Writer::text);
        });
        out.duration(self.inner.resolve_after);
        out.time(self.inner.quiet_since);
        write_path(out, &self.inner.quiet_source);
        out.u64(self.inner.counted);
        out.option(self.inner.resolved_number, Writer::u64);
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Alert, Error> {
        let number = from.u64()?;
        Ok(Alert {
            id: Alert::id_of(number),
            rule: from.text()?.to_owned(),
            description: from.text()?.to_owned(),
            severity: choice(from, &Severity::ALL)?,
            state: choice(from, &AlertState::ALL)?,
            group: Group(from.list(|from| Ok((from.text()?.to_owned(), from.text()?.to_owned())))?),
            sources: from.list(read_path)?,
            first_seen: from.time()?,
            last_seen: from.time()?,
            count: from.u64()?,
            samples: from.list(|from| from.text().map(str::to_owned))?,
            history: from.list(|from| {
                Ok(Transition {
                    from: from.option(|from| choice(from, &AlertState::ALL))?,
                    to: choice(from, &AlertState::ALL)?,
                    at: from.time()?,
                    by: from.option(Reader::text)?.map(str::to_owned),
                    note: from.option(Reader::text)?.map(str::to_owned),
                })
            })?,
            inner: Inner {
                number,
                resolve_after: from.duration()?,
                quiet_since: from.time()?,
                quiet_source: read_path(from)?,
                counted: from.u64()?,
                resolved_number: from.option(Reader::u64)?,
            },
        })
    }
}

fn position<T: PartialEq>(all: &[T], one: T) -> u64 {
    all.iter().position(|have| *have == one).unwrap_or_default() as u64
}

fn choice<T: Copy>(from: &mut Reader<'_>, all: &[T]) -> Result<T, Error> {
    let index = usize::try_from(from.u64()?).unwrap_or(usize::MAX);
    all.get(index).copied().ok_or_else(|| from.bad("a choice is out of range"))
}

#[cfg(unix)]
fn write_path(out: &mut Writer, path: &Path) {
    use std::os::unix::ffi::OsStrExt;
    out.bytes(path.as_os_str().as_bytes());
}

#[cfg(unix)]
fn read_path(from: &mut Reader<'_>) -> Result<PathBuf, Error> {
    use std::os::unix::ffi::OsStringExt;
    Ok(OsString::from_vec(from.bytes()?.to_vec()).into())
}

#[cfg(not(unix))]
fn write_path(out: &mut Writer, path: &Path) {
    out.text(&path.to_string_lossy());
}

#[cfg(not(unix))]
fn read_path(from: &mut Reader<'_>) -> Result<PathBuf, Error> {
    Ok(OsString::from(from.text()?).into())
}
