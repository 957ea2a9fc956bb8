//! Records handed to the sink, and looked for in what a process that died had written.

use std::path::Path;

use prisma_log_core::{Level, Record, Sink as _, SinkPosition, Timestamp};

use super::{Doubt, Ended, NOBODY, Service};
use crate::fs::Fs as _;
use crate::model_tests::ledger::{Id, State};
use crate::model_tests::names;

impl Service {
    /// Asks for what was under way when the process before died; the rest is written again.
    pub(super) fn recover(&mut self) -> Result<(), String> {
        let Some(doubt) = self.doubt.take() else { return Ok(()) };
        let texts = self.texts(&doubt.ids);
        let answer = self.contained(|service| {
            let records: Vec<_> = texts.iter().map(|text| record(text)).collect();
            service.sink.as_mut().map(|sink| sink.written_since(&doubt.since, &records))
        })?;
        if self.os.is_dead() {
            self.doubt = Some(doubt);
            self.bury();
            return Ok(());
        }
        // What could not be read may hold them.
        let struck = self.os.struck() > 0;
        let (found, mut blind) = match answer {
            Some(Ok(found)) => (found, false),
            Some(Err(error)) => {
                self.tell(|| format!("cannot look back: {error}"));
                (vec![false; doubt.ids.len()], true)
            }
            None => return Ok(()),
        };
        let mut again = Vec::new();
        {
            let mut world = self.shared.lock();
            let mut book = self.book.open();
            let SinkPosition([_, ino, ..]) = doubt.since;
            let disk = &world.disk;
            let folder = disk.walk(Path::new(names::FOLDER)).ok();
            let ours = folder.is_some_and(|folder| {
                disk.entries(folder).iter().any(|(name, found)| {
                    *found == ino && (name == names::BASE || names::archive(name).is_some())
                })
            });
            // Moved away, it may have been written there all the time.
            blind |= struck
                || !ours
                || disk.taken.contains(&ino)
                || disk.disturbances != doubt.disturbances;
            book.settle(&mut world.disk)?;
            for (&id, &found) in doubt.ids.iter().zip(&found) {
                let there = book.places(id) > 0;
                world.tell(|| format!("  record {id} is found: {found}, there: {there}"));
                if found {
                    book.acknowledge(id, NOBODY, false)
                        .map_err(|error| format!("looking back: {error}"))?;
                    continue;
                }
                let line = &mut book.lines[id];
                if there && !blind && line.most == 1 && !line.unfindable {
                    return Err(format!("record {id} was written and is not found"));
                }
                line.most = line.most.saturating_add(usize::from(there));
                line.recovered = true;
                again.push(id);
            }
        }
        again.into_iter().rev().for_each(|id| self.queue.push_front(id));
        Ok(())
    }

    pub(super) fn texts(&self, ids: &[Id]) -> Vec<Box<str>> {
        let book = self.book.open();
        ids.iter().map(|id| book.lines[*id].text.clone()).collect()
    }

    /// Where the sink's next batch will go.
    pub(in super::super) fn position(&self) -> Option<SinkPosition> {
        self.sink.as_ref().and_then(|sink| sink.position())
    }

    /// Hands the queue to the sink.
    pub(in super::super) fn write(&mut self) -> Result<Ended, String> {
        let Some(sink) = &self.sink else { return Ok(Ended::Died) };
        let disturbances = self.seen;
        let before = self.shared.lock().disk.disturbances;
        let Some(since) = sink.position() else { return Err("no position".to_owned()) };
        let ids: Vec<Id> = self.queue.iter().copied().collect();
        let texts = self.texts(&ids);
        let recovered: Vec<bool> = {
            let wall = self.os.wall();
            let mut book = self.book.open();
            for id in &ids {
                (book.lines[*id].process, book.lines[*id].written) = (self.os.pid, wall);
            }
            ids.iter().map(|id| book.lines[*id].recovered).collect()
        };
        self.tell(|| format!("writes {ids:?}"));
        self.written = None;
        let written = self.contained(|service| {
            let records: Vec<_> = texts
                .iter()
                .zip(&recovered)
                .map(|(text, recovered)| {
                    let mut record = record(text);
                    record.recovered = *recovered;
                    record
                })
                .collect();
            service.sink.as_mut().map(|sink| sink.write(&records))
        })?;
        if self.os.is_dead() {
            self.queue.clear();
            self.doubt = Some(Doubt { since, ids, disturbances });
            self.bury();
            return Ok(Ended::Died);
        }
        let (delivered, failed) = match written {
            Some(Ok(())) => (ids.len(), None),
            Some(Err(failed)) => (failed.delivered, Some(failed)),
            None => return Ok(Ended::Died),
        };
        let mut world = self.shared.lock();
        let mut book = self.book.open();
        book.settle(&mut world.disk)?;
        world.tell(|| match &failed {
            None => format!("  {}: all are taken", self.number),
            Some(failed) => format!("  {}: {delivered} are taken: {failed:?}", self.number),
        });
        let blind = world.disk.blind.remove(&self.os.pid);
        for &id in &ids[..delivered] {
            self.queue.pop_front();
            book.acknowledge(id, self.os.pid, blind)?;
        }
        for &id in &ids[delivered..] {
            book.deny(id)?;
        }
        self.seen = before;
        let Some(failed) = failed else {
            self.written = ids.first().copied();
            return Ok(Ended::Well);
        };
        if failed.retry_after.is_none()
            && let Some(id) = self.queue.pop_front()
        {
            book.lines[id].state = State::Refused;
        }
        Ok(Ended::Failed(failed.error))
    }
}

fn record(text: &str) -> Record<'_> {
    Record::new(Timestamp::UNIX_EPOCH, Level::Info, "", text)
}
