//! Queues as tools see them: found, counted, replayed by hand.
//!
//! A copy of a living process's queue is that of a dead one: nobody has it locked.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use prisma_log_core::{BatchError, Durability, Error, Filter, Level, Record, Sink};
use prisma_log_pipeline::{Memory, Overflow, Pipeline, QueueFile, QueueState, ReplaySink};
use slog::{Logger, o};

use crate::collect::Collect;

/// Says that it has its first batch, and does not come back before it is told to.
struct Gate {
    reached: Sender<()>,
    opened: Receiver<()>,
}

impl Sink for Gate {
    fn write(&mut self, _batch: &[Record<'_>]) -> Result<(), BatchError> {
        // An end of a channel that is gone lets through as well.
        let _awaited = self.reached.send(());
        let _opened = self.opened.recv();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

/// Logs ten records that the sink `second` never gets through, and one from a signal handler; then
/// copies the queue to `dead.ring` beside it.
fn leave(dir: &Path, overflow: Overflow) -> PathBuf {
    let ((reached, stuck), (open, opened)) = (channel(), channel());
    let pipeline = Pipeline::builder()
        .service("shop")
        .memory(Memory::Dir(dir.to_owned()))
        .queue_bytes(2 << 20)
        .overflow(overflow)
        .sink("first", Filter::at_least(Level::Error), Collect::default())
        .sink("second", Filter::default(), Gate { reached, opened })
        .build()
        .unwrap();
    let log = Logger::root_typed(pipeline.drain().named("shop.orders"), o!("tenant" => "acme"));
    for n in 0..10_u64 {
        slog::info!(log, "order {}", n; "n" => n);
        if n == 0 {
            stuck.recv().unwrap();
        }
    }
    assert!(pipeline.drain().emergency().log(Level::Critical, "caught a signal"));
    let owned = QueueFile::find(dir).unwrap();
    let [owned] = &owned[..] else { panic!("{owned:?}") };
    assert_eq!(owned.state, QueueState::Owned);
    assert_eq!((&*owned.service, owned.pid), ("shop", std::process::id()));
    assert!(owned.take().unwrap_err().to_string().contains("is in use"));
    let copy = owned.path.with_file_name("dead.ring");
    fs::copy(&owned.path, &copy).unwrap();
    drop(open);
    drop(pipeline);
    copy
}

fn only(dir: &Path) -> QueueFile {
    let found = QueueFile::find(dir).unwrap();
    let [queue] = &found[..] else { panic!("{found:?}") };
    queue.clone()
}

#[test]
fn an_orphan_is_found_counted_replayed_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = leave(dir.path(), Overflow::default());
    let queue = only(dir.path());
    // Each of the folders on the way leads there, and the file itself.
    for dir in path.ancestors().take(3) {
        assert_eq!(only(dir), queue, "{}", dir.display());
    }
    assert_eq!((&queue.path, &queue.state), (&path, &QueueState::Orphan));
    assert_eq!((&*queue.service, queue.pid), ("shop", std::process::id()));
    assert!(queue.bytes > 0 && queue.started.is_some(), "{queue:?}");
    assert_eq!((queue.records, queue.emergencies, queue.damaged_bytes), (10, 1, 0));
    let (first, last) = queue.times.unwrap();
    assert!(queue.started.unwrap() <= first && first <= last, "{queue:?}");
    let names: Vec<&str> = queue.sinks.iter().map(|sink| &*sink.name).collect();
    assert_eq!(names, ["first", "second"]);
    // What a sink's level keeps away from it, it is through with.
    assert_eq!((queue.sinks[0].records, queue.sinks[1].records), (9, 10));

    let taken = queue.take().unwrap();
    assert!(queue.take().unwrap_err().to_string().contains("is in use"));
    assert_eq!(only(dir.path()).state, QueueState::Owned, "taken, nobody else has it");
    let (mut all, mut second) = (Collect::default(), Collect::default());
    let unknown = taken.replay(&mut [ReplaySink::named("third", &mut all)]).unwrap_err();
    assert!(unknown.is_config(), "{unknown}");
    assert_eq!(unknown.hint(), Some("it has: first, second"));
    assert_eq!(all.all(), []);
    // Replaying changes nothing: the second time is as the first.
    for times in 1..=2 {
        let mut sinks = [ReplaySink::all(&mut all), ReplaySink::named("second", &mut second)];
        let report = taken.replay(&mut sinks).unwrap();
        assert_eq!((report.segments, report.records, report.failed), (1, 22, 0), "{report:?}");
        for sink in [&all, &second] {
            let kept = sink.all();
            assert_eq!(kept.len(), times * 11);
            assert!(kept.iter().all(|record| record.recovered));
            let orders = kept.iter().filter(|record| record.logger == "shop.orders").take(10);
            for (n, record) in orders.enumerate() {
                assert_eq!(record.message, format!("order {n}"));
                assert_eq!(record.field("n"), Some(&*n.to_string()));
                assert_eq!(record.field("tenant"), Some("acme"));
            }
            assert_eq!(kept.last().unwrap().message, "caught a signal");
        }
    }
    drop(taken);
    assert_eq!(only(dir.path()), queue, "dropped, it is there as before");
    queue.take().unwrap().remove().unwrap();
    assert_eq!(QueueFile::find(dir.path()).unwrap(), []);
    assert!(queue.take().unwrap_err().to_string().contains("not there any more"));
}

#[test]
fn a_sink_that_fails_is_an_error_and_the_queue_stays() {
    struct Full;
    impl Sink for Full {
        fn write(&mut self, _batch: &[Record<'_>]) -> Result<(), BatchError> {
            Err(BatchError::none_delivered(Error::state("the disk is full")))
        }
        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
        fn durability(&self) -> Durability {
            Durability::Memory
        }
    }
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), Overflow::default());
    let queue = only(dir.path());
    let error = queue.take().unwrap().replay(&mut [ReplaySink::all(&mut Full)]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("11 records were not taken: the disk is full"), "{text}");
    assert_eq!(only(dir.path()), queue);
}

#[test]
fn what_can_not_be_read_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = leave(dir.path(), Overflow::default());
    let whole = fs::read(&path).unwrap();
    let check = |name: &str, bytes: &[u8], expect: &str| {
        fs::write(&path, bytes).unwrap();
        let queue = only(dir.path());
        let QueueState::Unreadable { why } = &queue.state else { panic!("{name}: {queue:?}") };
        assert!(why.contains(expect), "{name}: {why}");
        assert_eq!((&*queue.service, queue.pid, queue.started), ("shop", 0, None), "{name}");
        let error = queue.take().map(drop).unwrap_err().to_string();
        assert!(error.contains(expect) && error.contains("dead.ring"), "{name}: {error}");
    };
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    check("empty", b"", "");
    check("short", &whole[..4096], "too short");
    check("cut off", &whole[..whole.len() - 4096], "damaged");
    check("other", &with(0, b'X'), "no ring of this library");
    check("version", &with(8, 99), "another version");
    let missing = QueueFile::find(&dir.path().join("nowhere")).unwrap_err();
    assert!(missing.is_io() && missing.to_string().contains("nowhere"), "{missing}");
}

#[test]
fn without_its_spill_file_the_rest_of_a_queue_is_recovered_and_the_loss_told() {
    let check = |harm: fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        let spill = tempfile::tempdir().unwrap();
        let overflow = Overflow::Spill { dir: spill.path().to_owned(), max_bytes: 4 << 20 };
        leave(dir.path(), overflow);
        // The pipeline has removed its file: as if somebody had deleted it.
        let queue = only(dir.path());
        let lost = queue.lost.clone().expect("the loss is told");
        let name = lost.split(',').next().unwrap();
        assert!(name.ends_with(".spill"), "{lost}");
        harm(Path::new(name));
        assert_eq!((&queue.state, queue.records), (&QueueState::Orphan, 10));
        // By hand:
        let mut sink = Collect::default();
        let report = queue.take().unwrap().replay(&mut [ReplaySink::all(&mut sink)]).unwrap();
        assert_eq!((report.records, report.lost.len()), (11, 1), "{report:?}");
        // By the next start:
        let sink = Collect::default();
        let pipeline = Pipeline::builder()
            .service("shop")
            .memory(Memory::Dir(dir.path().to_owned()))
            .sink("second", Filter::default(), sink.clone())
            .build()
            .unwrap();
        let recovery = pipeline.recovery();
        assert_eq!((recovery.segments, recovery.records), (1, 11), "{recovery:?}");
        assert_eq!((recovery.lost.len(), recovery.left.len()), (1, 0), "{recovery:?}");
        assert!(pipeline.flush(Duration::from_secs(30)).is_ok());
        assert_eq!(sink.all().len(), 11);
        drop(pipeline);
        assert_eq!(QueueFile::find(dir.path()).unwrap(), []);
    };
    check(|_| {});
    check(|path| fs::write(path, b"cut off").unwrap());
}
