//! What was written after some position, across the files of a rotation.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use prisma_log_core::{Error, SinkPosition};

use crate::file::LogFile;
use crate::fs::{Handle, Identity, Kind, Open, Stat};
use crate::home::Home;
use crate::lock::RotationLock;
use crate::trouble::retried;
use crate::wanted::Wanted;

const BLOCK: usize = 256 * 1024;
/// How much of a file's end is searched when the position's own file is not to be found.
const GUESS: u64 = 4 * 1024 * 1024;

/// A position, as this sink reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    identity: Identity,
    /// When the file was made, because file systems give inode numbers away again at once.
    born: u64,
    offset: u64,
}

impl Place {
    fn is_at(self, home: &Home, name: &OsString) -> bool {
        home.folder.stat(name).is_ok_and(|found| self.is_in(&found))
    }

    fn is_in(self, found: &Stat) -> bool {
        found.kind == Kind::Regular
            && self.identity == found.identity
            && (self.born == found.born || self.born == 0 || found.born == 0)
            // Shorter than it was: truncated, and what was here is gone or elsewhere.
            && self.offset <= found.len
    }
}

impl From<Place> for SinkPosition {
    fn from(place: Place) -> Self {
        let Identity { device, inode } = place.identity;
        SinkPosition([device, inode, place.offset, place.born])
    }
}

impl From<SinkPosition> for Place {
    fn from(SinkPosition([device, inode, offset, born]): SinkPosition) -> Self {
        Place { identity: Identity { device, inode }, born, offset }
    }
}

impl LogFile {
    /// Where the next records will go, or a place before that.
    pub(crate) fn place(&self) -> SinkPosition {
        let opened = &self.opened;
        Place { identity: opened.identity, born: opened.born, offset: opened.end }.into()
    }

    /// Shows all whole lines that may have been written at `since` or later.
    pub(crate) fn look_back(
        &mut self,
        since: SinkPosition,
        wanted: &mut Wanted<'_>,
    ) -> Result<(), Error> {
        let _names_stay = self.keep_names();
        let since = Place::from(since);
        // Newest first. Compressed ones are not searched: the newest never is one.
        let mut names = vec![self.home.name.clone()];
        names.extend(self.list()?.plain(&self.names));
        let home = &self.home;
        if let Some(own) = names.iter().position(|name| since.is_at(home, name)) {
            // A rotation may have come in the middle: everything newer belongs to it as well.
            names.truncate(own + 1);
            return Search { home, names: &names, from: Start::At(since.offset) }.run(wanted);
        }
        if let Some(moved) = self.moved(since) {
            Search { home, names: &[moved], from: Start::At(since.offset) }.run(wanted)?;
        }
        // Otherwise the file was deleted, copied and truncated, or restored from elsewhere. What
        // was under way when a writer died is the last that it wrote: it is looked for at the end
        // of what there is. What isn't found there is written again, at worst twice.
        names.truncate(2);
        Search { home, names: &names, from: Start::BeforeEnd }.run(wanted)
    }

    /// Keeps other processes from rotating, if that can be had. Without it a file could be missed
    /// that is renamed this very moment: then records come twice, but none is lost.
    fn keep_names(&mut self) -> Option<RotationLock> {
        let plan = &self.options.plan;
        let rotates = plan.max_bytes.is_some() || plan.schedule.is_some();
        if !rotates || !self.rotation.may_try(self.home.fs.now()) {
            return None;
        }
        match RotationLock::take(self) {
            Ok(taken) => taken,
            Err(error) => {
                // Somebody was stopped while holding it. Not to be waited for at each call.
                self.rotation.failed(self.home.fs.now());
                self.failures.report(&error.with_hint("rotation and reading back go on without"));
                None
            }
        }
    }

    /// The file that the place lies in, if another program gave it a name of its own choice.
    fn moved(&self, since: Place) -> Option<OsString> {
        let names = self.home.folder.names().ok()?;
        names.into_iter().find(|name| since.is_at(&self.home, name))
    }
}

/// Where the search of a file begins.
#[derive(Clone, Copy)]
enum Start {
    /// In the oldest file here, in the newer ones at the beginning.
    At(u64),
    /// [`GUESS`] before the end of each.
    BeforeEnd,
}

struct Search<'a> {
    home: &'a Home,
    /// Newest first.
    names: &'a [OsString],
    from: Start,
}

impl Search<'_> {
    fn run(self, wanted: &mut Wanted<'_>) -> Result<(), Error> {
        for (age, name) in self.names.iter().enumerate().rev() {
            if wanted.all_found() {
                break;
            }
            let is_oldest = age + 1 == self.names.len();
            let searched = open(self.home, name).and_then(|(file, len)| {
                let from = match self.from {
                    Start::At(offset) if is_oldest => offset,
                    Start::At(_) => 0,
                    Start::BeforeEnd => len.saturating_sub(GUESS),
                };
                scan(&*file, from, len, wanted)
            });
            match searched {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other
                    .map_err(|error| Error::io_at("read back", &self.home.path_of(name), error))?,
            }
        }
        Ok(())
    }
}

fn open(home: &Home, name: &OsString) -> io::Result<(Arc<dyn Handle>, u64)> {
    let file = home.folder.open(name, Open::Read)?;
    let len = file.stat()?.len;
    Ok((file, len))
}

/// Shows the lines that begin and end within `from..to`.
fn scan(file: &dyn Handle, from: u64, to: u64, wanted: &mut Wanted<'_>) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    // The line before counts as unfinished unless its end is seen.
    let mut at = from.saturating_sub(1);
    let mut passing_over = from > 0;
    let mut begun: Vec<u8> = Vec::new();
    while at < to && !wanted.all_found() {
        let size = BLOCK.min(usize::try_from(to - at).unwrap_or(BLOCK));
        let read = retried(|| file.read_at(&mut block[..size], at))?;
        if read == 0 {
            break;
        }
        at += read as u64;
        let mut rest = &block[..read];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            if passing_over {
                passing_over = false;
            } else if begun.is_empty() {
                wanted.see(line);
            } else {
                begun.extend_from_slice(line);
                wanted.see(&begun);
                begun.clear();
            }
            rest = after;
        }
        if !passing_over {
            begun.extend_from_slice(rest);
        }
        if begun.len() > wanted.longest() {
            // Too long to be wanted, and nobody knows how long it gets.
            begun.clear();
            passing_over = true;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the messages are found as lines in this text from `from` on.
    fn found(text: &str, from: u64, messages: &[&str]) -> Vec<bool> {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("app.log");
        std::fs::write(&path, text).unwrap();
        let fs = Arc::new(crate::real::RealFs::new(Box::new(prisma_log_core::SystemClock)));
        let home = Home::find(fs, &path, false).unwrap();
        let forms: Vec<_> = messages
            .iter()
            .flat_map(|message| [message.as_bytes(); crate::wanted::FORMS])
            .collect();
        let mut wanted = Wanted::new(&forms);
        let (file, len) = open(&home, &home.name).unwrap();
        scan(&*file, from, len, &mut wanted).unwrap();
        wanted.into_found()
    }

    #[test]
    fn only_whole_lines_from_the_offset_on_count() {
        let check = |text: &str, from: u64, message: &str, expect: bool| {
            assert_eq!(
                found(text, from, &[message]),
                [expect],
                "{message:?} in {text:?} at {from}"
            );
        };
        check("one\ntwo\n", 0, "one", true);
        check("one\ntwo\n", 4, "one", false);
        check("one\ntwo\n", 4, "two", true);
        check("one\ntwo\n", 3, "two", true);
        // In the middle of a line.
        check("one\ntwo\n", 5, "wo", false);
        check("one\ntwo\n", 2, "e", false);
        check("one\ntwo\n", 5, "two", false);
        check("one\ntwo\n", 6, "wo", false);
        check("one\ntwo\n", 4, "", false);
        check("one\ntwo\n", 1, "two", true);
        // Without its end.
        check("one\ntwo", 0, "two", false);
        check("one\ntwo", 0, "one", true);
        check("one\r\n", 0, "one", false);
        check("a one\n", 0, "one", false);
        check("", 0, "one", false);
        check("one\n", 4, "one", false);
        check("one\n", 400, "one", false);
        check("\n\n", 0, "", true);
    }

    #[test]
    fn lines_across_blocks_and_longer_ones_between_them() {
        for size in [BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let filler = "x".repeat(size);
            let text = format!("{filler}\nwanted\n{filler}\nlast\n");
            let expect = [true, true, false];
            assert_eq!(found(&text, 0, &["wanted", "last", "gone"]), expect, "{size}");
            assert_eq!(found(&text, 1, &[&filler, "last"]), [true, true], "{size}");
            assert_eq!(found(&text, 0, &[&filler, &filler, &filler]), [true, true, false]);
        }
    }

    #[test]
    fn a_position_is_what_a_place_was() {
        let numbers = [1, u64::MAX, 3, 4];
        assert_eq!(SinkPosition::from(Place::from(SinkPosition(numbers))).0, numbers);
    }
}
