//! Writers that keep what they are given, and fail as told.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    writes: usize,
    steps: VecDeque<Step>,
    broken: bool,
}

/// What one `write` does.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    Short(usize),
    Fails(ErrorKind),
}

impl Captured {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().bytes.clone()).unwrap()
    }

    pub(crate) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap().bytes)).unwrap()
    }

    pub(crate) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    pub(crate) fn steps(&self, steps: impl IntoIterator<Item = Step>) {
        self.0.lock().unwrap().steps = steps.into_iter().collect();
    }

    /// Makes every second `write` take a few bytes and every other fail.
    pub(crate) fn set_broken(&self, broken: bool) {
        self.0.lock().unwrap().broken = broken;
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        state.writes += 1;
        let step = match state.steps.pop_front() {
            None if state.broken && state.writes.is_multiple_of(2) => {
                Some(Step::Short(state.writes % 97))
            }
            None if state.broken => Some(Step::Fails(ErrorKind::StorageFull)),
            other => other,
        };
        let taken = match step {
            None => bytes,
            Some(Step::Short(count)) => &bytes[..count.clamp(1, bytes.len())],
            Some(Step::Fails(kind)) => return Err(kind.into()),
        };
        state.bytes.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
