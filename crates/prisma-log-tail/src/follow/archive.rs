//! Compressed files, read forwards as the text that is in them.

mod decode;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::identity::{HEAD_BYTES, TAIL_BYTES, mtime};
use super::open::PROBE_BYTES;
use decode::Decoder;
pub(super) use decode::Packing;

/// How much is read of the file at once.
const INPUT: usize = 64 * 1024;
/// How much of the text before the place reached can be had without starting over.
const RECENT: usize = PROBE_BYTES;
/// Up to so much text the ratio is not looked at: little text may well be all the same.
const ANY_RATIO: u64 = 16 << 20;
/// Least time between two tries to read a damaged file that changes.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What archives may grow to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Text in one archive, in bytes.
    pub(super) bytes: u64,
    /// Text by size.
    pub(super) ratio: u64,
}

/// Where reading an archive has led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There may be more.
    Reading,
    /// The file ends between two members: it is complete, unless it grows.
    Whole,
    /// The file ends inside a member: it is not written to its end yet.
    Torn,
    /// It can't be read on, and why.
    Damaged(String),
}

/// A compressed file.
///
/// The file is taken to grow, and to be written again from its start, at any time.
pub(super) struct Unpacker {
    file: File,
    packing: Packing,
    limits: Limits,
    state: State,
    /// Of the member that is being read.
    decoder: Option<Box<dyn Decoder>>,
    input: Vec<u8>,
    /// What of `input` was not decoded yet.
    waiting: std::ops::Range<usize>,
    /// The decoder may have more text without more input.
    pending: bool,
    /// How far the file was read.
    read: u64,
    members: u64,
    /// How much text was decoded.
    decoded: u64,
    /// The first text.
    head: Vec<u8>,
    /// The last text.
    recent: Vec<u8>,
    /// When the file last had something new.
    grown: Instant,
    /// When it was found damaged, and the file's last change then.
    damaged: Option<(Instant, i64)>,
}

impl Unpacker {
    pub(super) fn new(file: File, packing: Packing, limits: Limits) -> Unpacker {
        Unpacker {
            file,
            packing,
            limits,
            state: State::Reading,
            decoder: None,
            input: Vec::new(),
            waiting: 0..0,
            pending: false,
            read: 0,
            members: 0,
            decoded: 0,
            head: Vec::new(),
            recent: Vec::new(),
            grown: Instant::now(),
            damaged: None,
        }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Whether all of the text was read, and no more is to come.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    /// How long the file has had nothing new.
    pub(super) fn quiet(&self) -> Duration {
        self.grown.elapsed()
    }

    /// Bytes of the file that were not decoded.
    pub(super) fn packed_left(&self) -> u64 {
        let size = self.file.metadata().map_or(0, |metadata| metadata.len());
        size.saturating_sub(self.read - self.waiting.len() as u64)
    }

    /// Reads text from `offset` on, as far as it goes; [`Unpacker::state`] says why no further.
    ///
    /// # Errors
    /// When the system can't read the file.
    pub(super) fn read_at(&mut self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < into.len() {
            let at = offset + done as u64;
            let out = &mut into[done..];
            let recent = self.decoded - self.recent.len() as u64;
            let got = if at < self.head.len() as u64 {
                copy(&self.head, at, out)
            } else if at < recent {
                self.start_over();
                continue;
            } else if at < self.decoded {
                copy(&self.recent, at - recent, out)
            } else if at > self.decoded {
                match self.skip(at - self.decoded)? {
                    0 => break,
                    _ => continue,
                }
            } else {
                self.decode(out)?
            };
            if got == 0 {
                break;
            }
            done += got;
        }
        Ok(done)
    }

    /// How much text there is, decoding all of it.
    ///
    /// # Errors
    /// When the system can't read the file.
    pub(super) fn len(&mut self) -> io::Result<u64> {
        while self.skip(u64::MAX)? > 0 {}
        Ok(self.decoded)
    }

    fn skip(&mut self, text: u64) -> io::Result<usize> {
        let mut passed = vec![0; text.min(INPUT as u64) as usize];
        self.decode(&mut passed)
    }

    fn start_over(&mut self) {
        self.decoder = None;
        (self.waiting, self.pending) = (0..0, false);
        (self.read, self.members, self.decoded) = (0, 0, 0);
        self.head.clear();
        self.recent.clear();
        self.state = State::Reading;
    }

    /// Decodes more text; nothing when there is none, see [`Unpacker::state`].
    fn decode(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if matches!(self.state, State::Damaged(_)) && !self.has_changed()? {
            return Ok(0);
        }
        loop {
            if self.waiting.is_empty() && !self.pending && !self.refill()? {
                return Ok(0);
            }
            let decoder = match &mut self.decoder {
                Some(decoder) => decoder,
                None => {
                    self.pass_padding();
                    if self.waiting.is_empty() {
                        continue;
                    }
                    match self.packing.decoder() {
                        Ok(decoder) => self.decoder.insert(decoder),
                        Err(why) => return self.give_up(why),
                    }
                }
            };
            let step = match decoder.step(&self.input[self.waiting.clone()], out) {
                Ok(step) => step,
                Err(why) => return self.give_up(why),
            };
            let is_stuck = step.read == 0 && step.written == 0 && !step.ended;
            if is_stuck && !self.waiting.is_empty() {
                return self.give_up("it does not go on".to_owned());
            }
            self.waiting.start += step.read;
            self.pending = step.written == out.len() && !step.ended;
            if step.ended {
                self.decoder = None;
                self.members += 1;
            }
            if step.written > 0 {
                self.note(&out[..step.written]);
                if let Some(why) = self.excess() {
                    return self.give_up(why);
                }
                return Ok(step.written);
            }
        }
    }

    /// Between and behind members there may be NUL bytes.
    fn pass_padding(&mut self) {
        if self.members > 0 {
            let padding = self.input[self.waiting.clone()].iter().take_while(|&&byte| byte == 0);
            self.waiting.start += padding.count();
        }
    }

    /// Reads more of the file; `false` when there is nothing more.
    fn refill(&mut self) -> io::Result<bool> {
        self.input.resize(INPUT, 0);
        let got = loop {
            match self.file.read_at(&mut self.input, self.read) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if got > 0 {
            self.read += got as u64;
            self.waiting = 0..got;
            self.grown = Instant::now();
            self.state = State::Reading;
            return Ok(true);
        }
        self.input = Vec::new();
        if self.file.metadata()?.len() < self.read {
            // Written again from its start.
            self.start_over();
            return Ok(false);
        }
        self.state = State::Torn;
        if self.decoder.is_none() && self.members > 0 {
            self.state = State::Whole;
            // There may be many archives, all of them read.
            self.recent.drain(..self.recent.len().saturating_sub(TAIL_BYTES));
            self.recent.shrink_to_fit();
        }
        Ok(false)
    }

    fn note(&mut self, text: &[u8]) {
        self.decoded += text.len() as u64;
        let missing = HEAD_BYTES - self.head.len().min(HEAD_BYTES);
        self.head.extend(&text[..missing.min(text.len())]);
        let kept = &text[text.len().saturating_sub(RECENT)..];
        if self.recent.len() + kept.len() > 2 * RECENT {
            let old = self.recent.len() - (RECENT - kept.len());
            self.recent.drain(..old);
        }
        self.recent.extend(kept);
    }

    /// Why there is too much text, if so.
    fn excess(&self) -> Option<String> {
        let packed = self.read - self.waiting.len() as u64;
        let Limits { bytes, ratio } = self.limits;
        if self.decoded > bytes {
            return Some(format!("there are more than {bytes} bytes in it"));
        }
        let is_bomb = self.decoded > ANY_RATIO && self.decoded / ratio > packed;
        is_bomb.then(|| format!("there is more than {ratio} times its size in it"))
    }

    fn give_up(&mut self, why: String) -> io::Result<usize> {
        self.damaged = Some((Instant::now(), mtime(&self.file.metadata()?)));
        self.state = State::Damaged(why);
        self.decoder = None;
        self.input = Vec::new();
        (self.waiting, self.pending) = (0..0, false);
        Ok(0)
    }

    /// Whether a damaged file was written to since, and then starts over.
    fn has_changed(&mut self) -> io::Result<bool> {
        let Some((at, before)) = self.damaged else { return Ok(true) };
        if at.elapsed() < RETRY_INTERVAL || mtime(&self.file.metadata()?) == before {
            return Ok(false);
        }
        self.damaged = None;
        self.start_over();
        Ok(false)
    }
}

fn copy(from: &[u8], at: u64, into: &mut [u8]) -> usize {
    let rest = usize::try_from(at).ok().and_then(|at| from.get(at..)).unwrap_or_default();
    let len = rest.len().min(into.len());
    into[..len].copy_from_slice(&rest[..len]);
    len
}
