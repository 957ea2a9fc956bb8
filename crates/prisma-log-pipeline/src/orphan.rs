//! Queues on this machine, for tools: which there are, what dead processes left in them, and how to
//! get it out by hand.

mod backlog;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use prisma_log_core::support::{Reporter, contain};
use prisma_log_core::{Durability, Error, Filter, Sink, Timestamp};

use crate::health::RecoveryReport;
use crate::replay::{Cursors, Target, all_places, replay};
use crate::segment::Segment;
use crate::slot::{Admission, Facts};
use crate::store::{self, Found};

use backlog::Backlog;

/// A queue's file, as it was when it was looked at.
///
/// ```no_run
/// use prisma_log_pipeline::{QueueFile, QueueState, ReplaySink};
/// # fn sink() -> Box<dyn prisma_log_core::Sink> { unimplemented!() }
///
/// let mut sink = sink();
/// for queue in QueueFile::find_default()? {
///     if queue.state == QueueState::Orphan {
///         let taken = queue.take()?;
///         let report = taken.replay(&mut [ReplaySink::all(&mut *sink)])?;
///         println!("{}: {} records", queue.path.display(), report.records);
///         taken.remove()?;
///     }
/// }
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueFile {
    /// The file.
    pub path: PathBuf,
    /// Whose it is.
    pub state: QueueState,
    /// Bytes of memory that the file takes up.
    pub bytes: u64,
    /// The service that made it; of an unreadable one the folder's name, which is alike.
    pub service: String,
    /// Number of the process that made it; 0 when the file is unreadable.
    pub pid: u32,
    /// When that was; `None` when the file is unreadable.
    pub started: Option<Timestamp>,
    /// Records that at least one sink has not taken. Of an orphan only, as are the next five: in a
    /// living process all of that changes by the moment.
    pub records: u64,
    /// Times of the oldest and the newest of these records.
    pub times: Option<(Timestamp, Timestamp)>,
    /// By sink, in the order of the set-up, what it has not taken.
    pub sinks: Vec<SinkBacklog>,
    /// Texts of signal handlers that nobody has taken; they belong to all sinks.
    pub emergencies: u64,
    /// Bytes that can't be read.
    pub damaged_bytes: u64,
    /// What of the queue is gone, such as the file on disk that it spilled to.
    pub lost: Option<String>,
}

/// Whose a queue's file is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueState {
    /// A living process's.
    Owned,
    /// Nobody's: its process is dead, and what is in it can be taken out.
    Orphan,
    /// It can't be used.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// What a sink has not taken out of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkBacklog {
    /// The sink's name.
    pub name: String,
    /// Records, whatever their level: which of them the sink wants is not known here. Up to 4,096 of
    /// them it may have written without getting to note that.
    pub records: u64,
}

impl QueueFile {
    /// The queues of this user in the places where [`Memory::Default`](crate::Memory::Default) keeps
    /// them, sorted by path.
    ///
    /// # Errors
    /// When a folder can't be read.
    pub fn find_default() -> Result<Vec<QueueFile>, Error> {
        let dirs = store::default_dirs().into_iter();
        let users = dirs.map(|dir| store::user_folder(&dir)).filter(|folder| folder.is_dir());
        let mut folders = Vec::new();
        for user in users {
            folders.extend(subfolders(&user)?);
        }
        look_into(&folders)
    }

    /// The queues in this folder, sorted by path: it may be the one given as
    /// [`Memory::Dir`](crate::Memory::Dir), the folder of a user in it, that of one service, or the
    /// file of one queue.
    ///
    /// # Errors
    /// When there is no such folder, or it can't be read.
    pub fn find(dir: &Path) -> Result<Vec<QueueFile>, Error> {
        let found = fs::metadata(dir).map_err(|error| Error::io_at("look into", dir, error))?;
        if !found.is_dir() {
            return Ok(QueueFile::look_at(dir).into_iter().collect());
        }
        let mut folders = vec![dir.to_owned()];
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.starts_with(store::USER_PREFIX)) {
            folders.extend(subfolders(dir)?);
        }
        let user = store::user_folder(dir);
        if user.is_dir() {
            folders.extend(subfolders(&user)?);
        }
        look_into(&folders)
    }

    /// `None` when it went away meanwhile.
    fn look_at(path: &Path) -> Option<QueueFile> {
        let bytes = bytes_of(&fs::metadata(path).ok()?);
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        let mut queue = QueueFile {
            path: path.to_owned(),
            state: QueueState::Owned,
            bytes,
            service: folder.to_string_lossy().into_owned(),
            pid: 0,
            started: None,
            records: 0,
            times: None,
            sinks: Vec::new(),
            emergencies: 0,
            damaged_bytes: 0,
            lost: None,
        };
        match store::adopt(path) {
            Found::Owned if !path.exists() => return None,
            Found::Owned => {
                if let Some(segment) = store::look_at(path) {
                    queue.tell_maker(&segment);
                }
            }
            Found::Bad(why) => queue.state = QueueState::Unreadable { why },
            Found::Orphan(mut segment, lost) => {
                // Not to keep a start of the service from taking it over. One that does moves the
                // sinks' places; the frames stay as they are.
                segment.backing = None;
                queue.state = QueueState::Orphan;
                queue.tell_maker(&segment);
                queue.tell_backlog(&Backlog::of(&segment), &segment);
                queue.lost = lost;
            }
        }
        Some(queue)
    }

    fn tell_maker(&mut self, segment: &Segment) {
        self.service = segment.service().to_owned();
        self.pid = segment.pid();
        self.started = Some(time(segment.started_nanos()));
    }

    fn tell_backlog(&mut self, backlog: &Backlog, segment: &Segment) {
        self.records = backlog.records;
        self.times = backlog.times.map(|(first, last)| (time(first), time(last)));
        self.emergencies = backlog.emergencies;
        self.damaged_bytes = backlog.damaged_bytes;
        let sinks = segment.sink_names().zip(&backlog.by_sink);
        let sinks = sinks.map(|(name, &records)| SinkBacklog { name: name.to_owned(), records });
        self.sinks = sinks.collect();
    }

    /// Takes the queue over: until the value is dropped nobody else does.
    ///
    /// # Errors
    /// When a process has it, that of a start of the service that was faster perhaps; when it is
    /// unreadable; when it is not there any more.
    pub fn take(&self) -> Result<TakenQueue, Error> {
        let path = self.path.display();
        match store::adopt(&self.path) {
            Found::Orphan(segment, lost) => Ok(TakenQueue { segment, lost }),
            Found::Owned if !self.path.exists() => {
                Err(Error::state(format!("the queue {path} is not there any more")))
            }
            Found::Owned => Err(Error::state(format!("the queue {path} is in use"))),
            Found::Bad(why) => Err(Error::data(format!("cannot use the queue {path}: {why}"))),
        }
    }
}

fn time(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn bytes_of(metadata: &fs::Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(metadata) * 512;
    #[cfg(not(unix))]
    return metadata.len();
}

fn subfolders(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
        Ok(folders)
    };
    read().map_err(|error| Error::io_at("read", dir, error))
}

fn look_into(folders: &[PathBuf]) -> Result<Vec<QueueFile>, Error> {
    let mut paths = Vec::new();
    for folder in folders {
        let files = store::segment_files(folder);
        paths.extend(files.map_err(|error| Error::io_at("read", folder, error))?);
    }
    paths.sort();
    Ok(paths.iter().filter_map(|path| QueueFile::look_at(path)).collect())
}

/// A dead process's queue in hand.
///
/// Replaying changes nothing in it: dropped, it is there as before, for the next start of the
/// service or the next one who looks; [`remove`](TakenQueue::remove) ends it.
pub struct TakenQueue {
    segment: Segment,
    lost: Option<String>,
}

/// A sink that takes part in a [replay](TakenQueue::replay).
pub struct ReplaySink<'a> {
    /// The sink of the dead process that it stands for; `None` for all of them.
    name: Option<String>,
    sink: &'a mut dyn Sink,
}

impl fmt::Debug for ReplaySink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplaySink").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> ReplaySink<'a> {
    /// Gets what at least one of the dead process's sinks had not taken, and also what others had.
    pub fn all(sink: &'a mut dyn Sink) -> Self {
        ReplaySink { name: None, sink }
    }

    /// Gets what the dead process's sink of this name had not taken. A sink that writes to the same
    /// file does not write a second time what the process had written without getting to note it:
    /// it is asked by [`Sink::written_since`].
    pub fn named(name: impl Into<String>, sink: &'a mut dyn Sink) -> Self {
        ReplaySink { name: Some(name.into()), sink }
    }
}

impl TakenQueue {
    /// Writes the records to the sinks in the order of their times, marked as recovered, and
    /// flushes the sinks. Levels are not asked.
    ///
    /// # Errors
    /// When the dead process had no sink of a name; then nothing was written. When a sink did not
    /// take a record, or could not be flushed; then the other records and sinks were served all the
    /// same.
    pub fn replay(&self, sinks: &mut [ReplaySink<'_>]) -> Result<RecoveryReport, Error> {
        let begun = Instant::now();
        let mut places = Vec::new();
        for sink in &*sinks {
            places.push(self.places(sink.name.as_deref())?);
        }
        let reporter = Reporter::new(None);
        let facts: Vec<Facts> = sinks
            .iter()
            .map(|sink| {
                let durability = contain(|| sink.sink.durability()).unwrap_or(Durability::Memory);
                Facts::new(sink.name.as_deref().unwrap_or("recovery"), durability, false)
            })
            .collect();
        let mut admissions: Vec<Admission> =
            sinks.iter().map(|_| Admission::new(Filter::default())).collect();
        let targets = sinks.iter_mut().zip(&facts).zip(&mut admissions);
        let mut targets: Vec<Target<'_>> = targets
            .map(|((sink, facts), admission)| Target::new(facts, admission, &mut *sink.sink))
            .collect();
        let cursors = Cursors::unnoted(&self.segment, places);
        let mut report = RecoveryReport { segments: 1, ..RecoveryReport::default() };
        report.lost.extend(self.lost.clone());
        let flushed = replay(&self.segment, &cursors, &mut targets, &reporter, &mut report);
        report.elapsed = begun.elapsed();
        let failed = report.failed + report.kept;
        if failed > 0 {
            let why = facts.iter().find_map(Facts::last_error).unwrap_or_default();
            return Err(Error::state(format!("{failed} records were not taken: {why}")));
        }
        flushed.map(|()| report)
    }

    fn places(&self, name: Option<&str>) -> Result<Vec<usize>, Error> {
        let Some(name) = name else { return Ok(all_places(&self.segment)) };
        let names: Vec<&str> = self.segment.sink_names().collect();
        match names.iter().position(|known| *known == name) {
            Some(place) => Ok(vec![place]),
            None => {
                let error = Error::config(format!("the queue knows no sink `{name}`"));
                Err(error.with_hint(format!("it has: {}", names.join(", "))))
            }
        }
    }

    /// Removes the queue, and the file on disk that it spilled to.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn remove(self) -> Result<(), Error> {
        store::remove(&self.segment).map_err(|error| {
            let path = self.segment.backing.as_ref().map(|backing| backing.path.display());
            let path = path.map_or(String::new(), |path| path.to_string());
            Error::io(format!("cannot remove the queue {path}"), error)
        })
    }
}

impl fmt::Debug for TakenQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.segment.backing.as_ref().map(|backing| &backing.path);
        f.debug_struct("TakenQueue").field("path", &path).finish_non_exhaustive()
    }
}
