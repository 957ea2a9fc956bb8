//! The thread: when it begins, waits and ends.

use std::fs::{self, File};
use std::path::PathBuf;

use prisma_log_core::Timestamp;

use super::double::{Fault, Trap, Trapped};
use super::folder::{Heard, Site, archive, formats, lines, names, real_fs};
use super::*;
use crate::fs::{Kind, Stat};

const LONG: Duration = Duration::from_secs(60);

/// The real thing, with a clock that stands still until it is moved.
struct Still {
    real: Box<dyn Fs>,
    began: Instant,
    later: AtomicU64,
}

impl Still {
    fn new() -> Arc<Still> {
        let began = Instant::now();
        Arc::new(Still { real: Box::new(real_fs()), began, later: AtomicU64::new(0) })
    }

    fn move_on(&self, seconds: u64) {
        self.later.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Fs for Still {
    fn now(&self) -> Instant {
        self.began + Duration::from_secs(self.later.load(Ordering::SeqCst))
    }

    fn wall(&self) -> Timestamp {
        self.real.wall()
    }

    fn sleep(&self, time: Duration) {
        self.real.sleep(time);
    }

    fn user(&self) -> u32 {
        self.real.user()
    }

    fn resolve(&self, path: &Path) -> std::io::Result<PathBuf> {
        self.real.resolve(path)
    }

    fn create_folders(&self, path: &Path) -> std::io::Result<()> {
        self.real.create_folders(path)
    }

    fn folder(&self, path: &Path) -> std::io::Result<Arc<dyn Folder>> {
        self.real.folder(path)
    }

    fn stat(&self, path: &Path) -> std::io::Result<Stat> {
        self.real.stat(path)
    }
}

fn compressor(fs: Arc<dyn Fs>, packing: Packing, heard: &Heard) -> Compressor {
    Compressor::new(fs, names(), packing, Arc::new(heard.failures()))
}

/// Waits for what another thread does.
fn until(mut done: impl FnMut() -> bool) {
    let give_up = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < give_up, "waited for too long");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn begins_when_woken_and_ends_when_all_is_done() {
    for packing in formats() {
        let site = Site::of(4);
        let heard = Heard::default();
        let compressor = compressor(Arc::new(real_fs()), packing, &heard);
        assert!(!compressor.shared.lock().runs);
        compressor.wake(&site.folder(), site.dir.path());
        assert!(compressor.wait(LONG));
        site.check_done(packing);
        assert_eq!(compressor.generation(), 6);
        assert_eq!(compressor.temporary_bytes(), 0);
        // Again and again, also while it works.
        for index in 4..40 {
            site.put(&site.name(&archive(index)), &lines(index, 1000), index);
            compressor.wake(&site.folder(), site.dir.path());
        }
        assert!(compressor.wait(LONG));
        assert_eq!(site.files().keys().filter(|name| name.ends_with('Z')).count(), 1);
        assert_eq!(site.files().len(), 40);
        assert!(heard.errors().is_empty());
    }
}

#[test]
fn after_a_failure_it_rests_however_often_it_is_woken() {
    for packing in formats() {
        let site = Site::of(2);
        let heard = Heard::default();
        let fs = Still::new();
        let compressor = compressor(Arc::clone(&fs) as Arc<dyn Fs>, packing, &heard);
        let fault = Fault::Error { code: libc::EIO, for_ever: true };
        let trap = Trap::new(1, fault, Some("names"));
        let folder: Arc<dyn Folder> =
            Arc::new(Trapped { inner: site.folder(), trap: Arc::clone(&trap) });
        compressor.wake(&folder, Path::new("/logs"));
        until(|| trap.calls() == 1 && compressor.shared.lock().wanted.is_some());
        for _ in 0..100 {
            compressor.wake(&folder, Path::new("/logs"));
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(trap.calls(), 1);
        // After one second, then after two, four, ….
        for (tries, wait) in [(2, 1), (3, 2), (4, 4), (5, 8)] {
            fs.move_on(wait);
            compressor.wake(&folder, Path::new("/logs"));
            until(|| trap.calls() == tries && compressor.shared.lock().wanted.is_some());
            compressor.wake(&folder, Path::new("/logs"));
            std::thread::sleep(Duration::from_millis(10));
            assert_eq!(trap.calls(), tries);
        }
        assert_eq!(heard.errors().len(), 5);
        assert!(heard.errors()[0].contains("cannot compress archives in /logs"));
        // Once it works, it is forgotten.
        fs.move_on(16);
        compressor.wake(&site.folder(), Path::new("/logs"));
        assert!(compressor.wait(LONG));
        site.check_done(packing);
    }
}

#[test]
fn the_end_of_the_sink_is_the_end_of_the_work() {
    for packing in formats() {
        let site = Site::of(2);
        let path = site.dir.path().join(site.name(&archive(0)));
        // More than can be done while this test lasts.
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        let heard = Heard::default();
        let compressor = compressor(Arc::new(real_fs()), packing, &heard);
        compressor.wake(&site.folder(), site.dir.path());
        until(|| compressor.temporary_bytes() > 0);
        let temporary = site.dir.path().join(site.temporary(0, packing));
        assert!(temporary.exists());
        drop(compressor);
        until(|| !temporary.exists());
        assert_eq!(fs::read_dir(site.dir.path()).unwrap().count(), 3);
        assert!(path.exists() && heard.errors().is_empty());
    }
}

#[test]
fn the_end_does_not_wait_for_the_next_attempt() {
    for packing in formats() {
        let site = Site::of(2);
        let writer = File::open(site.dir.path().join(site.name(&archive(0)))).unwrap();
        writer.lock_shared().unwrap();
        let heard = Heard::default();
        let fs = Still::new();
        let compressor = compressor(fs, packing, &heard);
        compressor.wake(&site.folder(), site.dir.path());
        until(|| compressor.shared.lock().wanted.is_some());
        // It waits for a clock that stands still.
        let shared = Arc::clone(&compressor.shared);
        drop(compressor);
        until(|| !shared.lock().runs);
        // That it is in use is nothing to report.
        assert!(heard.errors().is_empty());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn it_has_the_lowest_priority_and_nobody_else() {
    fn nice_of(task: &Path) -> Option<(String, String)> {
        let stat = fs::read_to_string(task.join("stat")).ok()?;
        let (before, after) = stat.rsplit_once(") ")?;
        let name = before.split_once('(')?.1.to_owned();
        Some((name, after.split(' ').nth(16)?.to_owned()))
    }
    for packing in formats() {
        let site = Site::of(2);
        let writer = File::open(site.dir.path().join(site.name(&archive(0)))).unwrap();
        writer.lock_shared().unwrap();
        let compressor = compressor(Still::new(), packing, &Heard::default());
        let own = nice_of(Path::new("/proc/thread-self")).unwrap().1;
        compressor.wake(&site.folder(), site.dir.path());
        // Threads of other tests may run beside it, and begin at any moment.
        until(|| {
            let tasks = fs::read_dir("/proc/self/task").unwrap();
            let found: Vec<_> = tasks.filter_map(|task| nice_of(&task.unwrap().path())).collect();
            let mut packers = found.iter().filter(|(name, _)| name == "prisma-log-pack");
            packers.clone().count() > 0 && packers.all(|(_, nice)| nice == "19")
        });
        assert_eq!(nice_of(Path::new("/proc/thread-self")).unwrap().1, own);
    }
}

#[test]
fn a_forked_child_begins_anew() {
    for packing in formats() {
        let site = Site::of(3);
        let heard = Heard::default();
        let mut compressor = compressor(Arc::new(real_fs()), packing, &heard);
        // As it is found there: a thread is said to run, and there is none.
        compressor.shared.lock().runs = true;
        compressor.after_fork();
        compressor.wake(&site.folder(), site.dir.path());
        assert!(compressor.wait(LONG));
        site.check_done(packing);
    }
}

#[test]
fn a_panic_leaves_no_thread_that_is_waited_for() {
    for packing in formats() {
        let site = Site::of(2);
        let heard = Heard::default();
        let compressor = compressor(Arc::new(real_fs()), packing, &heard);
        let trap = Trap::surprise(1, "names", || panic!("on purpose"));
        let folder: Arc<dyn Folder> = Arc::new(Trapped { inner: site.folder(), trap });
        compressor.wake(&folder, site.dir.path());
        assert!(compressor.wait(LONG));
        compressor.wake(&site.folder(), site.dir.path());
        assert!(compressor.wait(LONG));
        site.check_done(packing);
        assert_eq!(site.folder().stat_self().unwrap().kind, Kind::Folder);
    }
}
