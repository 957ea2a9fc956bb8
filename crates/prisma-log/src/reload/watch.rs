//! The thread that looks at the file.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use prisma_log_config::Config;
use prisma_log_core::{Error, SinkCommand};
use prisma_log_pipeline::Pipeline;

use super::hangups::Hangups;
use super::{Source, State, reject, tell};

/// How long the end waits for the thread, which may be held up by the file system.
const LONGEST_END: Duration = Duration::from_secs(5);

/// How long the thread waits for the sinks: less than that, so that the owner of the pipeline is the
/// one who waits for its end.
const LONGEST_COMMAND: Duration = Duration::from_secs(2);

/// A running thread; dropping this ends it.
pub(super) struct Watcher {
    process: u32,
    stop: Option<Sender<Infallible>>,
    /// Under a lock only so that threads may share what holds it.
    ended: Mutex<Receiver<Infallible>>,
}

impl Watcher {
    /// `None` when the configuration is not to be watched.
    pub(super) fn start(
        config: &Config,
        state: &Arc<State>,
        pipeline: &Arc<Pipeline>,
    ) -> Result<Option<Self>, Error> {
        let settings = config.reload();
        let hangups = match settings.sighup {
            true if state.source.is_none() => {
                let error = Error::config("`reload.sighup` is set, but there is no file to read");
                return Err(error.with_hint("set PRISMA_LOG_CONFIG, or `reload.sighup` to false"));
            }
            true => Some(Hangups::listen()?),
            false => None,
        };
        if state.source.is_none() || !settings.watch && hangups.is_none() {
            return Ok(None);
        }
        let (stop, stopped) = mpsc::channel();
        let (ending, ended) = mpsc::channel();
        let round = Round {
            state: Arc::clone(state),
            pipeline: Arc::downgrade(pipeline),
            watched: settings.watch.then(Watched::default),
            hangups,
        };
        let interval = settings.interval;
        let thread = std::thread::Builder::new().name("log-reload".into()).spawn(move || {
            round.run(interval, &stopped);
            drop(ending);
        });
        if let Err(error) = thread {
            let what = "cannot start a thread: the configuration is not watched";
            pipeline.report("configuration", &Error::io(what, error));
            return Ok(None);
        }
        Ok(Some(Watcher {
            process: std::process::id(),
            stop: Some(stop),
            ended: Mutex::new(ended),
        }))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A forked child has no such thread.
        if self.process == std::process::id() {
            let _ended_or_held_up = self
                .ended
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .recv_timeout(LONGEST_END);
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

struct Round {
    state: Arc<State>,
    /// Held only while levels are set: whoever drops the last `Arc` waits for the sinks, and that is
    /// to be the owner.
    pipeline: Weak<Pipeline>,
    watched: Option<Watched>,
    hangups: Option<Hangups>,
}

impl Round {
    fn run(mut self, interval: Duration, stopped: &Receiver<Infallible>) {
        while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            let Some(source) = &self.state.source else { return };
            let is_asked = self.hangups.as_ref().is_some_and(Hangups::take);
            if is_asked {
                self.reopen();
            }
            let look = self.watched.as_mut().map_or(Look::Same, |w| w.look(&source.file));
            if is_asked || look != Look::Same {
                self.reload(source, !is_asked && look == Look::First, stopped);
            }
        }
    }

    /// Log files may have been moved away: that is what SIGHUP tells by custom.
    fn reopen(&self) {
        if let Some(pipeline) = self.pipeline.upgrade() {
            // What fails goes to the error handler.
            let _reported = pipeline.command(SinkCommand::Reopen, LONGEST_COMMAND);
        }
    }

    /// What the program started with may have changed before the first look: if not, that is not
    /// worth a record.
    fn reload(&self, source: &Source, is_first: bool, stopped: &Receiver<Infallible>) {
        let loaded = source.load();
        if stopped.try_recv() == Err(mpsc::TryRecvError::Disconnected) {
            return;
        }
        let Some(pipeline) = self.pipeline.upgrade() else { return };
        match loaded {
            Ok(config) if is_first && self.state.compare(&config).is_empty() => {}
            Ok(config) => {
                let report = self.state.apply(&pipeline, &config);
                tell(&pipeline, &config, &report);
            }
            Err(error) => reject(&pipeline, &source.file, &error),
        }
    }
}

/// What is known of the file from looking at it.
#[derive(Default)]
struct Watched {
    /// As it was at the last look.
    seen: Option<Stamp>,
    /// As it was when it was last read.
    read: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// As it was read, or still changing.
    Same,
    /// To be read for the first time.
    First,
    /// To be read again.
    Changed,
}

impl Watched {
    /// A file that is being written is given time: it is read once it is the same twice in a row.
    fn look(&mut self, file: &Path) -> Look {
        let now = Some(Stamp::of(file));
        let is_at_rest = self.seen == now;
        self.seen.clone_from(&now);
        if !is_at_rest || self.read == now {
            return Look::Same;
        }
        let look = if self.read.is_none() { Look::First } else { Look::Changed };
        self.read = now;
        look
    }
}

/// What changes with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stamp {
    Missing,
    Of { modified: Option<SystemTime>, len: u64, inode: Inode },
}

impl Stamp {
    fn of(file: &Path) -> Self {
        match std::fs::metadata(file) {
            Ok(data) => {
                Stamp::Of { modified: data.modified().ok(), len: data.len(), inode: inode(&data) }
            }
            Err(_) => Stamp::Missing,
        }
    }
}

/// Device and number, seconds and nanoseconds of the last change.
type Inode = (u64, u64, i64, i64);

#[cfg(unix)]
fn inode(data: &std::fs::Metadata) -> Inode {
    use std::os::unix::fs::MetadataExt;
    (data.dev(), data.ino(), data.ctime(), data.ctime_nsec())
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> Inode {
    Inode::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_it_is_at_rest() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("logging.yaml");
        let mut watched = Watched::default();
        let mut check = |change: &dyn Fn(), expect: [Look; 3]| {
            change();
            assert_eq!([(); 3].map(|()| watched.look(&file)), expect);
        };
        let (same, first, changed) = (Look::Same, Look::First, Look::Changed);
        check(&|| std::fs::write(&file, "a").unwrap(), [same, first, same]);
        check(&|| (), [same, same, same]);
        check(&|| std::fs::write(&file, "half").unwrap(), [same, changed, same]);
        check(&|| std::fs::remove_file(&file).unwrap(), [same, changed, same]);
        check(&|| std::fs::write(&file, "a").unwrap(), [same, changed, same]);
        // The same text under the same name is another file still.
        let other = dir.path().join("other");
        check(
            &|| {
                std::fs::write(&other, "a").unwrap();
                std::fs::rename(&other, &file).unwrap();
            },
            [same, changed, same],
        );
    }
}
