//! Texts within a record's cap, and what formats itself.
#![expect(unsafe_code, reason = "a text's length is written after the text")]

use std::fmt::{self, Write as _};

use prisma_log_core::support::{contain, panic_mark};

use super::{FrameWriter, TAIL};

/// A `Display` that goes on beyond the cap may call so many times more before it is stopped; what
/// it would still have written is not counted then.
const CALLS_BEYOND_CAP: u32 = 1 << 16;
/// A text of up to this length may go into the room that is left to what follows a huge one.
pub(super) const SHORT_TEXT: usize = 64;
const FAILED: &str = "<formatting failed>";

impl FrameWriter<'_> {
    /// Bytes of text that the record may still take in: a sixteenth of the cap is left to what comes
    /// after a huge text.
    pub(super) fn text_room(&self) -> usize {
        (self.max - self.max / 16 - TAIL).saturating_sub(self.used())
    }

    /// Writes a length and as much of the text as the cap allows.
    #[inline]
    pub(super) fn put_text(&mut self, text: &str) {
        let short = text.len() <= SHORT_TEXT || self.text_room() >= 4 + text.len();
        if short && self.has_room(4 + text.len()) {
            self.put_array((text.len() as u32).to_le_bytes());
            self.put(text.as_bytes());
        } else {
            self.put_cut(text.as_bytes(), |fits| text.floor_char_boundary(fits));
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn put_cut(&mut self, bytes: &[u8], boundary: impl Fn(usize) -> usize) {
        let keep = boundary(self.text_room().saturating_sub(4).min(bytes.len()));
        if !self.has_room(4 + keep) {
            self.lost = true;
            return;
        }
        self.put_array((keep as u32).to_le_bytes());
        self.put(&bytes[..keep]);
        self.cut += (bytes.len() - keep) as u64;
    }

    /// Writes a length and what the arguments format to, whatever their `Display` does.
    #[inline(never)]
    pub(super) fn put_args(&mut self, args: fmt::Arguments<'_>) {
        if let Some(text) = args.as_str() {
            return self.put_text(text);
        }
        if !self.has_room(4) {
            self.lost = true;
            return;
        }
        let length_at = self.used();
        self.put_array([0; 4]);
        let mut text = TextWriter { cut: 0, calls: 0, writer: self };
        let outcome = contain(|| text.write_fmt(args));
        let stopped = text.calls >= CALLS_BEYOND_CAP;
        let cut = text.cut;
        self.cut += cut;
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(_)) if stopped => {}
            Ok(Err(_)) => self.put_mark(FAILED),
            Err(reason) => {
                self.cut_back(length_at + 4);
                self.put_mark(&panic_mark(&reason));
            }
        }
        let length = (self.used() - length_at - 4) as u32;
        // SAFETY: the four bytes were written above.
        unsafe {
            let at = self.start.add(length_at);
            std::ptr::copy_nonoverlapping(length.to_le_bytes().as_ptr(), at, 4);
        }
    }

    /// Appends to a text that is being written, as far as there is room.
    pub(super) fn put_mark(&mut self, mark: &str) {
        let left = (self.max - TAIL).saturating_sub(self.used()).min(mark.len());
        if self.has_room(left) {
            self.put(&mark.as_bytes()[..mark.floor_char_boundary(left)]);
        }
    }
}

/// Formats into a frame, up to the record's cap.
struct TextWriter<'w, 'a> {
    writer: &'w mut FrameWriter<'a>,
    cut: u64,
    calls: u32,
}

impl fmt::Write for TextWriter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut > 0 {
            self.cut += text.len() as u64;
            self.calls += 1;
            return if self.calls < CALLS_BEYOND_CAP { Ok(()) } else { Err(fmt::Error) };
        }
        let room = self.writer.text_room();
        if room >= text.len() && self.writer.has_room(text.len()) {
            self.writer.put(text.as_bytes());
            return Ok(());
        }
        let keep = text.floor_char_boundary(room);
        if self.writer.has_room(keep) {
            self.writer.put(&text.as_bytes()[..keep]);
        }
        self.cut = (text.len() - keep) as u64;
        Ok(())
    }
}
