//! Messages over a stream: a connection that is made again, and a window of what it has not taken.

use std::time::{Duration, Instant};

use prisma_log_core::{BatchError, Error, Record};

use super::back_off::BackOff;
use super::background::Background;
use super::link::{End, Link, PIECE, Progress};
use super::window::Window;
use crate::form::Form;
use crate::{Framing, SyslogStats};

/// How many bytes are encoded before they are sent.
const BLOCK_BYTES: usize = 64 * 1024;
/// How long a write waits for a connection that no attempt has failed for.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// When to look again at a connection that is being made, or a server that takes nothing.
const SOON: Duration = Duration::from_millis(50);
/// When to ask again whether the other end has everything.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// The same while somebody waits for it.
const ASK_PAUSE: Duration = Duration::from_millis(1);
/// With more than this in flight, it is asked after each write, so that memory is let go.
const LOOK_BYTES: u64 = 256 * 1024;
/// How long the end of a connection may take to be acknowledged.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// What a stream is told once.
pub(crate) struct StreamOptions {
    /// What it is called in errors: `tcp logs.example.com:601`.
    pub(crate) name: String,
    pub(crate) framing: Framing,
    pub(crate) max_message: usize,
    /// How many acknowledged bytes are sent again after a connection ended.
    pub(crate) resend: u64,
    pub(crate) write_timeout: Duration,
    pub(crate) flush_timeout: Duration,
}

pub(crate) struct Stream {
    options: StreamOptions,
    window: Window,
    link: Option<Link>,
    /// The place in the window where the link's first frame begins.
    base: u64,
    /// Up to where frames were with the kernel, on this connection or an earlier one, or can't be
    /// called back any more.
    reached: u64,
    connecting: Background<Link>,
    back_off: BackOff,
    /// What went wrong last.
    trouble: String,
    /// When the link is to be looked at, if frames are waiting.
    look_at: Instant,
    stats: SyslogStats,
    /// Where each record of the batch ends in the window.
    ends: Vec<u64>,
    /// The process that all this belongs to.
    process: u32,
}

/// Why nothing more is taken, and when that may change.
struct Stop {
    error: Error,
    wait: Duration,
}

impl Stream {
    pub(crate) fn new(
        options: StreamOptions,
        connecting: Background<Link>,
        stats: SyslogStats,
    ) -> Self {
        Stream {
            window: Window::new(options.resend),
            options,
            link: None,
            base: 0,
            reached: 0,
            connecting,
            back_off: BackOff::new(),
            trouble: String::new(),
            look_at: Instant::now(),
            stats,
            ends: Vec::new(),
            process: std::process::id(),
        }
    }

    pub(crate) fn write(
        &mut self,
        batch: &[Record<'_>],
        form: &mut Form,
    ) -> Result<(), BatchError> {
        let deadline = Instant::now() + self.options.write_timeout;
        self.ends.clear();
        let written = self.write_all(batch, form, deadline);
        let delivered = if written.is_ok() {
            batch.len()
        } else {
            // Nobody else knows the frames that are on their way; the others come again.
            self.window.take_back(self.reached);
            let taken = self.ends.partition_point(|&end| end <= self.reached);
            // A part of a frame that was taken out does not count for the next one there.
            self.reached = self.reached.min(self.window.end());
            taken
        };
        self.stats.add_sent(delivered);
        self.look_later();
        written.map_err(|stop| BatchError::new(delivered, stop.error).retry_after(stop.wait))
    }

    fn write_all(
        &mut self,
        batch: &[Record<'_>],
        form: &mut Form,
        deadline: Instant,
    ) -> Result<(), Stop> {
        let (max, framing) = (self.options.max_message, self.options.framing);
        self.look();
        let mut begun = self.window.end();
        for (index, record) in batch.iter().enumerate() {
            if index == 0 {
                self.connect(true)?;
            }
            let mut cut = false;
            let end = self.window.push(|bytes| cut = form.frame(record, max, framing, bytes));
            self.stats.add_cut(usize::from(cut));
            self.ends.push(end);
            if end - begun >= BLOCK_BYTES as u64 || index + 1 == batch.len() {
                begun = end;
                self.transmit(deadline)?;
            }
        }
        Ok(())
    }

    /// Makes sure that there is a connection. A patient caller waits a moment for the first one,
    /// and for the first one after another broke: most come back at once.
    fn connect(&mut self, patient: bool) -> Result<(), Stop> {
        if self.link.is_some() {
            return Ok(());
        }
        let patient = patient && self.back_off.failures() <= 1;
        let left = self.back_off.left(Instant::now());
        if !left.is_zero() && !self.connecting.is_under_way() {
            if !patient {
                let error = format!("no connection to {}: {}", self.options.name, self.trouble);
                return Err(Stop { error: Error::state(error), wait: left });
            }
            std::thread::sleep(left);
        }
        let patience = if patient { CONNECT_PATIENCE } else { Duration::ZERO };
        match self.connecting.get(patience) {
            None => {
                let error = format!("no connection to {} yet", self.options.name);
                Err(Stop { error: Error::state(error), wait: SOON })
            }
            Some(Err(error)) => {
                let wait = self.back_off.failed(Instant::now());
                self.trouble = error.to_string();
                let context = Error::state(format!("no connection to {}", self.options.name));
                Err(Stop { error: context.with_source(error), wait })
            }
            Some(Ok(link)) => {
                self.link = Some(link);
                self.window.rewind();
                self.base = self.window.fed();
                self.stats.add_connections(1);
                self.stats.add_resent(self.window.waiting_up_to(self.reached));
                Ok(())
            }
        }
    }

    /// Hands everything in the window to the kernel; on a new connection, if need be.
    fn transmit(&mut self, deadline: Instant) -> Result<(), Stop> {
        loop {
            self.connect(true)?;
            match self.push(deadline) {
                Progress::All => {
                    if self.window.in_flight() > LOOK_BYTES {
                        self.ask();
                    }
                    return Ok(());
                }
                Progress::Slow => {
                    let name = &self.options.name;
                    let error = format!("{name} took nothing for {:?}", self.options.write_timeout);
                    return Err(Stop { error: Error::state(error), wait: SOON });
                }
                Progress::Ended => self.lost(),
            }
            if self.back_off.failures() > 1 || Instant::now() >= deadline {
                let error = Error::state(format!("{}: {}", self.options.name, self.trouble));
                return Err(Stop { error, wait: self.back_off.left(Instant::now()) });
            }
        }
    }

    fn push(&mut self, deadline: Instant) -> Progress {
        let Some(link) = &mut self.link else { return Progress::Ended };
        loop {
            let progress = link.push(deadline);
            self.reached = self.reached.max(self.base + link.taken());
            match progress {
                Progress::All => {}
                Progress::Slow => {
                    // What was turned into bytes for the connection can't be called back.
                    self.reached = self.reached.max(self.window.fed());
                    return Progress::Slow;
                }
                Progress::Ended => return Progress::Ended,
            }
            let piece = self.window.feed(PIECE);
            if piece.is_empty() {
                link.read();
                return if link.has_ended() { Progress::Ended } else { Progress::All };
            }
            link.feed(piece);
        }
    }

    /// Finds out what the other end has, and whether the connection still stands.
    fn look(&mut self) {
        if let Some(link) = &mut self.link {
            link.read();
            let ended = link.has_ended();
            self.ask();
            if ended {
                self.lost();
            }
        }
    }

    fn ask(&mut self) {
        let Some(link) = &mut self.link else { return };
        let new = self.window.acknowledge(self.base + link.there());
        if new > 0 {
            self.stats.add_confirmed(new);
            self.back_off.succeeded();
        }
    }

    /// Settles what the connection that ended had taken.
    fn lost(&mut self) {
        self.ask();
        let Some(mut link) = self.link.take() else { return };
        self.reached = self.reached.max(self.base + link.taken());
        self.trouble = match link.take_end() {
            Some(End::Broken(error)) => format!("the connection broke: {error}"),
            _ => "the other end closed the connection".to_owned(),
        };
        // What its kernel had acknowledged may not have been read, or read and thrown away.
        self.stats.take_back_confirmed(self.window.recall());
        link.abandon();
        self.back_off.failed(Instant::now());
    }

    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        let flushed = self.flush_within(self.options.flush_timeout);
        self.look_later();
        flushed
    }

    fn flush_within(&mut self, patience: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + patience;
        let mut stopped = None;
        loop {
            self.look();
            if self.window.waiting() == 0 {
                return Ok(());
            }
            let mut pause = ASK_PAUSE;
            match self.transmit(deadline) {
                Ok(()) => self.ask(),
                Err(stop) => {
                    pause = stop.wait;
                    stopped = Some(stop.error);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && self.window.waiting() > 0 {
                let waiting = self.window.waiting();
                let name = &self.options.name;
                let error =
                    format!("{name} did not acknowledge {waiting} messages in {patience:?}");
                let error = Error::state(error);
                return Err(match stopped {
                    Some(stopped) => error.with_source(stopped),
                    None => error,
                });
            }
            if self.window.waiting() > 0 {
                std::thread::sleep(pause.min(left));
            }
        }
    }

    fn look_later(&mut self) {
        let now = Instant::now();
        self.look_at = now
            + match &self.link {
                Some(link) if link.is_idle() => LOOK_AGAIN,
                Some(_) => SOON,
                None if self.connecting.is_under_way() => SOON,
                None => self.back_off.left(now),
            };
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        (self.window.waiting() > 0).then_some(self.look_at)
    }

    pub(crate) fn maintain(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if self.due().is_none_or(|due| now < due) {
            return Ok(());
        }
        self.look();
        let done = match self.connect(false) {
            Ok(()) => self.push_without_waiting(now),
            // It is under way, or to be tried later.
            Err(_) if self.connecting.is_under_way() => Ok(()),
            Err(stop) => Err(stop.error),
        };
        self.look_later();
        done
    }

    fn push_without_waiting(&mut self, now: Instant) -> Result<(), Error> {
        if self.window.waiting() > 0 && self.push(now) == Progress::Ended {
            self.lost();
            return Err(Error::state(format!("{}: {}", self.options.name, self.trouble)));
        }
        self.ask();
        Ok(())
    }

    /// Ends the connection in good order; the next record makes another.
    pub(crate) fn reopen(&mut self) {
        // What it does not acknowledge is sent again.
        let _late = self.flush_within(CLOSE_PATIENCE);
        self.link = None;
        self.connecting.forget();
        self.back_off.succeeded();
        self.look_later();
    }

    /// In a forked child: what is in memory is the parent's to send.
    pub(crate) fn after_fork(&mut self) {
        if let Some(link) = self.link.take() {
            link.abandon();
        }
        self.window.clear();
        (self.base, self.reached) = (0, 0);
        self.connecting.forget();
        self.back_off.part();
        self.process = std::process::id();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.process == std::process::id() && self.window.waiting() > 0 {
            let _late = self.flush_within(CLOSE_PATIENCE);
        }
        if self.process != std::process::id()
            && let Some(link) = self.link.take()
        {
            link.abandon();
        }
    }
}
