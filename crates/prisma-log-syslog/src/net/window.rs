//! Frames that were sent, and stay in memory until the other end has them.

use std::collections::VecDeque;

/// Memory that stays allocated while nothing is in the window.
const KEPT_BYTES: usize = 256 * 1024;

/// Frames in order. Places in it are counted in bytes from the first frame ever.
///
/// ```text
/// start          acknowledged          fed            end
///   | old frames      | in flight       | to be fed    |
/// ```
#[derive(Default)]
pub(crate) struct Window {
    bytes: Vec<u8>,
    /// How many of `bytes` at the front are of no use any more.
    dead: usize,
    /// Where the rest of `bytes` begins.
    start: u64,
    /// Where each frame ends.
    ends: VecDeque<u64>,
    /// How many frames at the front are acknowledged, and kept only in case that the connection ends.
    old: usize,
    /// Up to where frames are acknowledged: always a frame's end.
    acknowledged: u64,
    /// Where the next byte for the current connection stands.
    fed: u64,
    /// How many acknowledged bytes are kept.
    keep: u64,
}

impl Window {
    pub(crate) fn new(keep: u64) -> Self {
        Window { keep, ..Window::default() }
    }

    /// Adds a frame that `append` writes to the end of the buffer; returns where it ends.
    pub(crate) fn push(&mut self, append: impl FnOnce(&mut Vec<u8>)) -> u64 {
        // Whoever appended last may have panicked half-way.
        self.bytes.truncate(self.index(self.end()));
        append(&mut self.bytes);
        let end = self.start + (self.bytes.len() - self.dead) as u64;
        self.ends.push_back(end);
        end
    }

    pub(crate) fn end(&self) -> u64 {
        self.ends.back().copied().unwrap_or(self.start)
    }

    pub(crate) fn fed(&self) -> u64 {
        self.fed
    }

    /// How many frames are not acknowledged.
    pub(crate) fn waiting(&self) -> usize {
        self.ends.len() - self.old
    }

    /// How many of the frames that are not acknowledged end at this place or before it.
    pub(crate) fn waiting_up_to(&self, place: u64) -> usize {
        self.ends.partition_point(|&end| end <= place).saturating_sub(self.old)
    }

    /// How many bytes were fed and are not acknowledged.
    pub(crate) fn in_flight(&self) -> u64 {
        self.fed - self.acknowledged
    }

    /// The next bytes for the connection, whole frames as far as they fit in `most` bytes, at least
    /// one; marks them as fed.
    pub(crate) fn feed(&mut self, most: usize) -> &[u8] {
        let first = self.ends.partition_point(|&end| end <= self.fed);
        let fits = self.ends.partition_point(|&end| end <= self.fed + most as u64);
        let Some(&end) = self.ends.get(first.max(fits.saturating_sub(1))) else { return &[] };
        let range = self.index(self.fed)..self.index(end);
        self.fed = end;
        &self.bytes[range]
    }

    /// The other end has everything up to here; returns how many frames are known to be whole
    /// there that were not before.
    pub(crate) fn acknowledge(&mut self, up_to: u64) -> usize {
        let whole = self.ends.partition_point(|&end| end <= up_to.min(self.fed));
        let new = whole.saturating_sub(self.old);
        if new > 0 {
            self.old = whole;
            self.acknowledged = self.ends[whole - 1];
            self.release();
        }
        new
    }

    /// A new connection: what is not acknowledged is fed again, from the start of a frame.
    pub(crate) fn rewind(&mut self) {
        self.fed = self.acknowledged;
    }

    /// Old frames may not have been read either: they count as not acknowledged again. Returns how
    /// many these are.
    pub(crate) fn recall(&mut self) -> usize {
        self.acknowledged = self.start;
        std::mem::take(&mut self.old)
    }

    /// Takes out the frames that end after `limit`, which were never fed whole.
    pub(crate) fn take_back(&mut self, limit: u64) {
        while self.ends.len() > self.old && self.ends.back().is_some_and(|&end| end > limit) {
            self.ends.pop_back();
        }
        self.bytes.truncate(self.index(self.end()));
        self.fed = self.fed.min(self.end());
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Window::new(self.keep);
    }

    /// Lets go of old frames beyond the limit.
    fn release(&mut self) {
        let surplus = self
            .ends
            .iter()
            .take(self.old)
            .take_while(|&&end| self.acknowledged - end >= self.keep);
        let surplus = surplus.count();
        let Some(last) = surplus.checked_sub(1) else { return };
        self.dead = self.index(self.ends[last]);
        self.start = self.ends[last];
        self.ends.drain(..surplus);
        self.old -= surplus;
        // Moving what stays to the front pays off when it is no more than what goes.
        if self.dead >= self.bytes.len() / 2 {
            self.bytes.drain(..self.dead);
            self.dead = 0;
            self.bytes.shrink_to(KEPT_BYTES.max(self.bytes.len() * 2));
        }
    }

    /// Where in `bytes` a place is.
    fn index(&self, place: u64) -> usize {
        self.dead + (place - self.start) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(window: &mut Window, text: &str) -> u64 {
        window.push(|bytes| bytes.extend_from_slice(text.as_bytes()))
    }

    #[test]
    fn whole_frames_come_again() {
        let mut window = Window::new(0);
        for text in ["one", "two", "three"] {
            push(&mut window, text);
        }
        assert_eq!(window.feed(7), b"onetwo");
        assert_eq!(window.feed(1), b"three");
        assert_eq!(window.feed(1), b"");
        // The first frame and half of the second.
        assert_eq!(window.acknowledge(4), 1);
        assert_eq!(window.acknowledge(4), 0);
        window.rewind();
        assert_eq!((window.waiting(), window.feed(100)), (2, &b"twothree"[..]));
        assert_eq!(window.acknowledge(u64::MAX), 2);
        assert_eq!((window.waiting(), window.bytes.len(), window.feed(9)), (0, 0, &b""[..]));
    }

    #[test]
    fn what_was_not_fed_is_not_acknowledged() {
        let mut window = Window::new(0);
        push(&mut window, "one");
        push(&mut window, "two");
        assert_eq!(window.feed(1), b"one");
        assert_eq!(window.acknowledge(u64::MAX), 1);
        assert_eq!(window.waiting(), 1);
    }

    #[test]
    fn old_frames_come_again_after_a_reset() {
        let mut window = Window::new(4);
        for text in ["one", "two", "three", "four"] {
            push(&mut window, text);
        }
        window.feed(11);
        // "three" is kept: of "two" and it, four bytes are in "three" alone.
        assert_eq!(window.acknowledge(11), 3);
        assert_eq!(window.waiting(), 1);
        assert_eq!(window.recall(), 1);
        window.rewind();
        assert_eq!((window.waiting(), window.feed(100)), (2, &b"threefour"[..]));
    }

    #[test]
    fn frames_are_taken_back() {
        let mut window = Window::new(0);
        let one = push(&mut window, "one");
        let two = push(&mut window, "two");
        window.feed(100);
        window.take_back(two - 1);
        assert_eq!((window.end(), window.fed()), (one, one));
        push(&mut window, "new");
        assert_eq!(window.feed(100), b"new");
        window.rewind();
        assert_eq!(window.feed(100), b"onenew");
    }

    #[test]
    fn half_a_frame_of_a_panic_is_gone() {
        let mut window = Window::new(0);
        let _contained = prisma_log_core::support::contain(|| {
            window.push(|bytes| {
                bytes.extend_from_slice(b"half");
                panic!("in Display");
            })
        });
        push(&mut window, "one");
        assert_eq!(window.feed(100), b"one");
    }

    /// Against a plain list of frames.
    #[test]
    fn any_order_of_events() {
        let mut random = fastrand::Rng::with_seed(4);
        for keep in [0, 1, 50, 5_000] {
            let mut window = Window::new(keep);
            let mut all: Vec<(u64, String)> = Vec::new();
            let (mut acknowledged, mut fed, mut floor) = (0, 0, 0);
            for round in 0..5_000 {
                match random.u8(0..10) {
                    0..4 => {
                        let text = format!("<{round}{}>", "x".repeat(random.usize(0..40)));
                        let end = push(&mut window, &text);
                        all.push((end, text));
                    }
                    4..7 => {
                        let most = random.usize(1..200);
                        let bytes = window.feed(most).to_vec();
                        let whole: String = all
                            .iter()
                            .filter(|(end, _)| *end > fed)
                            .map(|(_, text)| text.as_str())
                            .collect();
                        assert!(whole.as_bytes().starts_with(&bytes));
                        assert!(
                            bytes.len() <= most
                                || bytes.iter().filter(|&&b| b == b'<').count() == 1
                        );
                        assert!(!bytes.is_empty() || whole.is_empty());
                        fed += bytes.len() as u64;
                        assert_eq!(window.fed(), fed);
                    }
                    7..9 => {
                        let up_to = random.u64(acknowledged..=fed);
                        let whole = all.iter().map(|(end, _)| *end).filter(|&end| end <= up_to);
                        let new = whole.clone().filter(|&end| end > acknowledged).count();
                        acknowledged = whole.max().unwrap_or(0).max(acknowledged);
                        assert_eq!(window.acknowledge(up_to), new);
                    }
                    _ => {
                        if random.bool() {
                            let again = window.recall() as u64;
                            let old = all.iter().rev().filter(|(end, _)| *end <= acknowledged);
                            let first = old.clone().nth(again as usize).map_or(0, |(end, _)| *end);
                            let most = keep.min(acknowledged - floor);
                            assert!(acknowledged - first >= most, "too few kept");
                            floor = first;
                            acknowledged = first;
                        }
                        window.rewind();
                        fed = acknowledged;
                    }
                }
                let waiting = all.iter().filter(|(end, _)| *end > acknowledged).count();
                assert_eq!(window.waiting(), waiting);
            }
        }
    }
}
