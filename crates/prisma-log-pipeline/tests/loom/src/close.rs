//! The end: a record that is being logged while the pipeline closes is written by one of the two.

use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use loom::sync::{Arc, Mutex};
use loom::thread;

/// A call commits, then looks whether it must write by itself; who closes says so first, then reads
/// what is committed. Between the two steps each needs a fence: on the call's side `os::heavy_fence`
/// in the closing thread stands for it.
struct Pipeline {
    committed: AtomicU32,
    is_inline: AtomicBool,
    /// How many of the records were written; under the worker's lock.
    written: Mutex<u32>,
}

impl Pipeline {
    fn new() -> Self {
        Pipeline {
            committed: AtomicU32::new(0),
            is_inline: AtomicBool::new(false),
            written: Mutex::new(0),
        }
    }

    fn write_all(&self) {
        let mut written = self.written.lock().unwrap();
        *written = self.committed.load(Ordering::Acquire).max(*written);
    }

    fn log(&self, record: u32) {
        self.committed.store(record, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.is_inline.load(Ordering::Relaxed) {
            self.write_all();
        }
    }

    fn close(&self) {
        self.is_inline.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.write_all();
    }
}

#[test]
fn a_record_that_meets_the_end_is_written() {
    loom::model(|| {
        let pipeline = Arc::new(Pipeline::new());
        let logging = Arc::clone(&pipeline);
        let call = thread::spawn(move || {
            logging.log(1);
            logging.log(2);
        });
        pipeline.close();
        call.join().unwrap();
        assert_eq!(*pipeline.written.lock().unwrap(), 2);
    });
}
