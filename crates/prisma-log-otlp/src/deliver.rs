//! Batches of records to requests, and what became of each record.
//!
//! A batch is cut into portions. All requests of a portion are made, records that were refused are
//! counted, and only then comes the next. When a server can't be reached, or asks to be left alone,
//! in the middle of a portion, what is known of its records is kept: the portion's records come
//! again, and those that were taken are not sent a second time.

mod held;
mod part;
mod partial;
mod portion;

use std::ops::Range;
use std::time::Instant;

use prisma_log_core::{BatchError, Error, Record};

pub(crate) use part::Part;
pub(crate) use partial::{Partial, shorten};

use self::held::Held;
use self::portion::{Fate, Portion};
use crate::OtlpStats;
use crate::send::{Answer, BackOff, Later, Outcome, Sender};

/// How records are written for a kind of server.
pub(crate) trait Encoding: Send {
    /// Which requests a record goes to; `None`: it is none of the server's business.
    fn lane(&self, record: &Record<'_>) -> Option<usize>;

    /// Appends the record as it stands in the requests of a lane.
    fn encode(&self, lane: usize, record: &Record<'_>, out: &mut Vec<u8>);

    /// Appends a request with the records of a part at these places, where those of one logger stand
    /// together.
    fn assemble(
        &self,
        lane: usize,
        part: &Part,
        of: &[usize],
        batch: &[Record<'_>],
        out: &mut Vec<u8>,
    );

    /// What a server that took a request says about single records.
    fn partial(&self, lane: usize, answer: &Answer) -> Partial;

    /// In a forked child.
    fn part_from_parent(&mut self) {}
}

/// How much goes into one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// Requests of one kind.
pub(crate) struct Lane {
    /// What is sent, for people: `log records`.
    pub(crate) what: &'static str,
    pub(crate) sender: Sender,
    pub(crate) part: Part,
}

/// Below this, smaller requests would not help.
const LEAST_BYTES: usize = 4 << 10;
/// Requests that break the connection so many times in a row are made smaller: some servers hang
/// up on what is too large, before they read it.
const BREAKS: u32 = 3;
/// After so many requests that went well, larger ones are tried.
const CALM: u32 = 64;
/// Most warnings that wait to be told.
const MOST_WARNINGS: usize = 16;

/// Makes requests of batches.
pub(crate) struct Courier<E> {
    pub(crate) encoding: E,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) most: Most,
    /// What servers were found to take.
    found: usize,
    held: Option<Held>,
    back_off: BackOff,
    /// Why the last request was put off.
    trouble: String,
    breaks: u32,
    /// Requests that went well since one was too large.
    calm: u32,
    body: Vec<u8>,
    order: Vec<usize>,
    pub(crate) stats: OtlpStats,
    /// What is to be told, though no record is lost.
    pub(crate) warnings: Vec<Error>,
}

impl<E: Encoding> Courier<E> {
    pub(crate) fn new(encoding: E, lanes: Vec<Lane>, most: Most) -> Self {
        Courier {
            encoding,
            lanes,
            most,
            found: most.bytes,
            held: None,
            back_off: BackOff::new(),
            trouble: String::new(),
            breaks: 0,
            calm: 0,
            body: Vec::new(),
            order: Vec::new(),
            stats: OtlpStats::default(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let mut taken = 0;
        while taken < batch.len() {
            let rest = &batch[taken..];
            let wait = self.back_off.left(Instant::now());
            if !wait.is_zero() {
                let error =
                    Error::state(format!("waiting before the next attempt: {}", self.trouble));
                return Err(BatchError::new(taken, error).retry_after(wait));
            }
            let mut portion = match self.held.take().and_then(|held| held.recall(rest)) {
                Some(portion) => self.encode_open(rest, portion),
                None => self.cut(rest),
            };
            for lane in 0..self.lanes.len() {
                if let Some(later) = self.send(lane, rest, &mut portion) {
                    self.held = Some(Held::new(rest, portion));
                    let wait = self.back_off.failed(Instant::now(), later.wait);
                    self.trouble = later.error.to_string();
                    self.stats.add_put_off(1);
                    return Err(BatchError::new(taken, later.error).retry_after(wait));
                }
            }
            let refused = portion.refused();
            taken += portion.fates.len() - refused;
            if refused > 0 {
                let error = portion.error.unwrap_or_else(|| Error::state("records were refused"));
                return Err(BatchError::new(taken, error).rejected(refused));
            }
        }
        Ok(())
    }

    /// Encodes the records of the next portion: as many as fit into one request of each kind.
    fn cut(&mut self, rest: &[Record<'_>]) -> Portion {
        self.lanes.iter_mut().for_each(|lane| lane.part.clear(self.most.bytes));
        let mut portion = Portion::default();
        for (index, record) in rest.iter().enumerate() {
            let Some(lane) = self.encoding.lane(record) else {
                portion.fates.push(Fate::Taken);
                self.stats.add_skipped(1);
                continue;
            };
            let part = &mut self.lanes[lane].part;
            if part.len() >= self.most.records {
                break;
            }
            part.push(index, rest, |out| {
                self.encoding.encode(lane, record, out);
            });
            if part.len() > 1 && part.bytes() > self.found {
                part.pop();
                break;
            }
            portion.fates.push(Fate::Open);
        }
        portion
    }

    /// Encodes what of a portion is still to be sent.
    fn encode_open(&mut self, rest: &[Record<'_>], portion: Portion) -> Portion {
        self.lanes.iter_mut().for_each(|lane| lane.part.clear(self.most.bytes));
        for (index, (record, _)) in rest
            .iter()
            .zip(&portion.fates)
            .enumerate()
            .filter(|(_, (_, fate))| **fate == Fate::Open)
        {
            if let Some(lane) = self.encoding.lane(record) {
                self.lanes[lane].part.push(index, rest, |out| {
                    self.encoding.encode(lane, record, out);
                });
            }
        }
        portion
    }

    /// Makes the requests of a lane; returns why one of them is to be made later.
    fn send(&mut self, lane: usize, batch: &[Record<'_>], portion: &mut Portion) -> Option<Later> {
        let what = self.lanes[lane].what;
        let mut todo = self.lanes[lane].part.ranges(self.found);
        while let Some(range) = todo.pop() {
            let count = range.len();
            let about =
                |error| Error::state(format!("cannot export {count} {what}")).with_source(error);
            match self.request(lane, &range, batch) {
                Outcome::Taken(answer) => {
                    self.went_well();
                    self.calm += 1;
                    if self.calm == CALM {
                        (self.calm, self.found) =
                            (0, self.found.saturating_mul(2).min(self.most.bytes));
                    }
                    self.taken(lane, range, &answer, portion);
                }
                Outcome::TooLarge(_) if count > 1 => {
                    self.went_well();
                    self.stats.add_splits(1);
                    self.find_smaller(lane, &range);
                    let middle = range.start + count / 2;
                    todo.push(middle..range.end);
                    todo.push(range.start..middle);
                }
                Outcome::TooLarge(error) | Outcome::Refused(error) => {
                    self.went_well();
                    self.settle(lane, range, Fate::Refused, portion);
                    portion.error.get_or_insert(about(error));
                }
                Outcome::Later(later) => {
                    self.breaks = if later.broke { self.breaks + 1 } else { 0 };
                    if self.breaks >= BREAKS && count > 1 {
                        self.breaks = 0;
                        self.find_smaller(lane, &range);
                    }
                    return Some(Later { error: about(later.error), ..later });
                }
            }
        }
        None
    }

    fn request(&mut self, lane: usize, range: &Range<usize>, batch: &[Record<'_>]) -> Outcome {
        let Lane { sender, part, .. } = &mut self.lanes[lane];
        part.by_scope(range.clone(), &mut self.order);
        self.body.clear();
        self.body.shrink_to(self.most.bytes);
        self.encoding.assemble(lane, part, &self.order, batch, &mut self.body);
        self.stats.add_requests(1);
        sender.send(&self.body)
    }

    /// The server has these records, but for those that it says it has not. Which these are it does
    /// not say, and nobody can know.
    fn taken(&mut self, lane: usize, range: Range<usize>, answer: &Answer, portion: &mut Portion) {
        let partial = self.encoding.partial(lane, answer);
        let count = range.len();
        let refused = usize::try_from(partial.rejected).unwrap_or(count).min(count);
        let middle = range.end - refused;
        self.settle(lane, range.start..middle, Fate::Taken, portion);
        self.settle(lane, middle..range.end, Fate::Refused, portion);
        let Lane { what, sender, .. } = &self.lanes[lane];
        if refused > 0 {
            let (server, why) = (sender.shown(), &partial.message);
            let message = format!("{server} refused {refused} of {count} {what}: {why}");
            portion.error.get_or_insert(Error::state(message));
        } else if !partial.message.is_empty() && self.warnings.len() < MOST_WARNINGS {
            let message = format!("{} says: {}", sender.shown(), partial.message);
            self.warnings.push(Error::state(message));
        }
    }

    fn settle(&mut self, lane: usize, range: Range<usize>, fate: Fate, portion: &mut Portion) {
        match fate {
            Fate::Taken => self.stats.add_taken(range.len()),
            Fate::Refused => self.stats.add_refused(range.len()),
            Fate::Open => {}
        }
        range.for_each(|at| portion.fates[self.lanes[lane].part.record(at)] = fate);
    }

    /// Requests are to be half as large as this one was.
    fn find_smaller(&mut self, lane: usize, range: &Range<usize>) {
        let half = self.lanes[lane].part.bytes_of(range) / 2;
        (self.calm, self.found) = (0, half.max(LEAST_BYTES).min(self.found));
    }

    /// The server answers for itself.
    fn went_well(&mut self) {
        self.back_off.succeeded();
        self.breaks = 0;
    }

    /// Lets go of all connections, and of what was learned about the servers.
    pub(crate) fn reopen(&mut self) -> Result<(), Error> {
        self.back_off.succeeded();
        (self.breaks, self.found) = (0, self.most.bytes);
        self.lanes.iter_mut().try_for_each(|lane| lane.sender.reopen())
    }

    pub(crate) fn after_fork(&mut self) -> Result<(), Error> {
        self.held = None;
        self.back_off.part();
        self.encoding.part_from_parent();
        self.reopen()
    }
}
