//! A chunk: written by one thread, read by the worker as far as it is committed, then used again.

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

const ROOM: usize = 2;

/// `segment::ChunkHeader` and the frames behind it; a frame is one number.
struct Chunk {
    committed: AtomicU32,
    order: AtomicU32,
    frames: [UnsafeCell<u32>; ROOM],
}

impl Chunk {
    fn new() -> Self {
        Chunk {
            committed: AtomicU32::new(0),
            order: AtomicU32::new(0),
            frames: [UnsafeCell::new(0), UnsafeCell::new(0)],
        }
    }

    /// `shared::commit`: the frame first, then how far frames are whole.
    fn write(&self, at: usize, frame: u32) {
        self.frames[at].with_mut(|place| unsafe { *place = frame });
        self.committed.store(at as u32 + 1, Ordering::Release);
    }

    fn read(&self, at: usize) -> u32 {
        self.frames[at].with(|place| unsafe { *place })
    }

    /// `segment::Chunk::begin`, under the pool's lock.
    fn begin(&self, order: u32) {
        self.committed.store(0, Ordering::Relaxed);
        self.order.store(order, Ordering::Relaxed);
    }
}

#[test]
fn what_is_committed_is_whole() {
    loom::model(|| {
        let chunk = Arc::new(Chunk::new());
        let written = Arc::clone(&chunk);
        let producer = thread::spawn(move || {
            written.write(0, 7);
            written.write(1, 8);
        });
        let mut read = Vec::new();
        for _ in 0..2 {
            let committed = chunk.committed.load(Ordering::Acquire) as usize;
            read.extend((read.len()..committed).map(|at| chunk.read(at)).collect::<Vec<_>>());
        }
        assert!(read.is_empty() || read == [7] || read == [7, 8], "{read:?}");
        producer.join().unwrap();
        assert_eq!(chunk.committed.load(Ordering::Acquire), 2);
        assert_eq!((chunk.read(0), chunk.read(1)), (7, 8));
    });
}

/// `pool::State`: the stream's chunks, and those that are free.
struct Pool {
    chunks: [Chunk; 2],
    state: Mutex<State>,
}

struct State {
    stream: Vec<usize>,
    free: Vec<usize>,
    order: u32,
}

impl Pool {
    /// `Pool::acquire`: the chunk before is sealed by that.
    fn acquire(&self) -> Option<usize> {
        let mut state = self.state.lock().unwrap();
        let chunk = state.free.pop()?;
        state.order += 1;
        self.chunks[chunk].begin(state.order);
        state.stream.push(chunk);
        Some(chunk)
    }
}

/// The worker's reading end, `merge::Progressed`.
#[derive(Default)]
struct Reader {
    chunk: usize,
    order: u32,
    at: usize,
    read: Vec<u32>,
}

impl Reader {
    /// `Worker::pass`: claim, read what is committed, release what is sealed and through.
    fn pass(&mut self, pool: &Pool) {
        let claim = {
            let state = pool.state.lock().unwrap();
            state.stream.first().map(|&chunk| (chunk, state.stream.len() > 1))
        };
        let Some((claimed, sealed)) = claim else { return };
        let chunk = &pool.chunks[claimed];
        let order = chunk.order.load(Ordering::Relaxed);
        if (self.chunk, self.order) != (claimed, order) {
            (self.chunk, self.order, self.at) = (claimed, order, 0);
        }
        let committed = chunk.committed.load(Ordering::Acquire) as usize;
        while self.at < committed {
            self.read.push(chunk.read(self.at));
            self.at += 1;
        }
        let mut state = pool.state.lock().unwrap();
        if sealed && self.at >= chunk.committed.load(Ordering::Acquire) as usize {
            state.stream.remove(0);
            state.free.push(claimed);
        }
    }
}

#[test]
fn a_chunk_goes_from_hand_to_hand_without_losing_a_frame() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let state = State { stream: Vec::new(), free: vec![0, 1], order: 0 };
        let chunks = [Chunk::new(), Chunk::new()];
        let pool = Arc::new(Pool { chunks, state: Mutex::new(state) });
        let producing = Arc::clone(&pool);
        // As many frames as need a chunk for the second time; what finds no room is dropped.
        let producer = thread::spawn(move || {
            let (mut written, mut at) = (Vec::new(), ROOM);
            let mut chunk = None;
            for frame in 1..=5 {
                if at == ROOM {
                    match producing.acquire() {
                        Some(next) => (chunk, at) = (Some(next), 0),
                        None => continue,
                    }
                }
                if let Some(chunk) = chunk {
                    producing.chunks[chunk].write(at, frame);
                    at += 1;
                    written.push(frame);
                }
            }
            written
        });
        let mut reader = Reader::default();
        reader.pass(&pool);
        reader.pass(&pool);
        let written = producer.join().unwrap();
        for _ in 0..3 {
            reader.pass(&pool);
        }
        assert_eq!(reader.read, written);
    });
}
