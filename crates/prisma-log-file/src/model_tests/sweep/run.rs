//! One run of a script.

use std::path::Path;
use std::time::Duration;

use prisma_log_core::{SinkCommand, SinkPosition, Timestamp};

use super::scripts::{Script, Step};
use crate::model_tests::calls::{Fault, Shared};
use crate::model_tests::ledger::{Id, State};
use crate::model_tests::names;
use crate::model_tests::outside::Outsider;
use crate::model_tests::service::{Book, Ended, Service};

/// How long a sink may take to forget a fault: its longest back-off and a little.
const RECOVERY: Duration = Duration::from_secs(61);
const BEGUN: i64 = 1_795_507_200;

/// What came of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub(super) struck: bool,
    /// A call of the sink failed, or the error handler heard of it.
    pub(super) told: bool,
    pub(super) retried: u64,
    pub(super) records: u64,
}

pub(super) struct Run<'a> {
    script: &'a Script,
    pub(super) shared: Shared,
    pub(super) book: Book,
    outsider: Outsider,
    pub(super) service: Service,
    other: Option<Service>,
    last: Option<(Vec<Id>, SinkPosition)>,
    /// A record that is stuck to half of another one is written again, behind those after it.
    pub(super) out_of_order: bool,
    pub(super) outcome: Outcome,
}

impl<'a> Run<'a> {
    pub(super) fn new(script: &'a Script, told: bool) -> Run<'a> {
        let shared = Shared::new(Timestamp::from_unix_seconds(BEGUN), told);
        let book = Book::default();
        let setup = (script.setup)();
        book.open().limits = setup.limits(script.batch());
        let service = Service::new(0, &shared, &book, &setup);
        let other = script.two.then(|| Service::new(1, &shared, &book, &setup));
        let outsider = Outsider::new(&shared, &book);
        let outcome = Outcome::default();
        Run {
            script,
            shared,
            book,
            outsider,
            service,
            other,
            last: None,
            out_of_order: false,
            outcome,
        }
    }

    pub(super) fn play(&mut self, fault: Option<Fault>) -> Result<(), String> {
        if self.script.folder {
            let disk = &mut self.shared.lock().disk;
            let made = disk.create_folders(Path::new(names::FOLDER));
            made.map_err(|error| error.to_string())?;
        }
        if let Some(other) = &mut self.other {
            other.start(None)?;
        }
        self.service.os.start_trace();
        self.service.os.fault(fault);
        for step in self.script.steps {
            self.shared.lock().tell(|| format!("{step:?}"));
            self.step(step)?;
            self.settle()?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), String> {
        let mut world = self.shared.lock();
        let mut book = self.book.open();
        book.settle(&mut world.disk)?;
        // What can't be taken back now is set apart later.
        book.explain_broken();
        book.check(&mut world.disk)?;
        self.outcome.told |= !self.service.take_errors().is_empty();
        world.disk.collect();
        Ok(())
    }

    fn note(&mut self, ended: &Ended) {
        if let Ended::Failed(error) = ended {
            self.shared.lock().tell(|| format!("  fails: {error}"));
            self.outcome.told = true;
        }
    }

    fn started(&mut self) -> Result<bool, String> {
        if !self.service.is_running() {
            let ended = self.service.start_again()?;
            self.note(&ended);
        }
        Ok(self.service.is_running())
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Write(sizes) => self.write(sizes)?,
            Step::OtherWrites(sizes) => {
                if let Some(other) = &mut self.other {
                    other.log(sizes);
                    other.write()?;
                }
            }
            Step::OtherRotates => {
                if let Some(other) = &mut self.other {
                    other.command(SinkCommand::Rotate)?;
                }
            }
            Step::Wait(time) => self.wait(*time),
            Step::Maintain => {
                if self.started()? {
                    let ended = self.service.maintain()?;
                    self.note(&ended);
                }
            }
            Step::Flush => {
                if self.started()? {
                    let ended = self.service.flush_checked()?;
                    self.note(&ended);
                }
            }
            Step::Tell(command) => {
                if self.started()? {
                    let ended = self.service.command(*command)?;
                    self.note(&ended);
                }
            }
            Step::Compress => {
                if self.started()? {
                    self.service.compress()?;
                }
            }
            Step::Restart => {
                let ended = self.service.start_again()?;
                self.note(&ended);
            }
            Step::Forget => {
                if let Some((ids, since)) = self.last.take()
                    && self.service.is_running()
                {
                    self.service.forget(&ids, since);
                    let ended = self.service.start_again()?;
                    self.note(&ended);
                }
            }
            Step::Somebody(act) => self.outsider.does(*act, &mut fastrand::Rng::with_seed(7)),
            Step::Room(room) => match room {
                Some(room) => self.shared.lock().disk.fill_up_to(*room),
                None => self.shared.lock().disk.capacity = None,
            },
            Step::Half => self.shared.lock().disk.append_half(),
        }
        Ok(())
    }

    fn write(&mut self, sizes: &[usize]) -> Result<(), String> {
        self.service.log(sizes);
        if !self.started()? {
            return Ok(());
        }
        let ids: Vec<Id> = self.service.queue.iter().copied().collect();
        let since = self.service.position();
        let ended = self.service.write()?;
        self.note(&ended);
        if matches!(ended, Ended::Failed(_)) {
            self.outcome.retried += self.service.queue.len() as u64;
            self.last = None;
        } else {
            self.last = since.map(|since| (ids, since));
        }
        Ok(())
    }

    fn wait(&mut self, time: Duration) {
        let disk = &mut self.shared.lock().disk;
        disk.elapsed += time;
        disk.wall = disk.wall.saturating_add(time);
    }

    /// The fault is over: everything that was not taken is, and nothing is left of the trouble.
    pub(super) fn recover(&mut self) -> Result<(), String> {
        self.outcome.struck = self.service.os.struck() > 0;
        self.service.os.fault(None);
        self.shared.lock().disk.capacity = None;
        self.shared.lock().tell(|| "the fault is over".to_owned());
        for _ in 0..3 {
            self.wait(RECOVERY);
            self.write(&[60])?;
            self.settle()?;
        }
        if !self.service.queue.is_empty() || self.service.has_doubt() {
            return Err("the fault is over, and not all records are taken".to_owned());
        }
        self.step(&Step::Maintain)?;
        self.service.flush_at_last()?;
        self.step(&Step::Compress)?;
        self.step(&Step::Restart)?;
        self.step(&Step::Compress)?;
        self.end()
    }

    fn end(&mut self) -> Result<(), String> {
        let mut world = self.shared.lock();
        let mut book = self.book.open();
        book.settle(&mut world.disk)?;
        book.check(&mut world.disk)?;
        let folder = world.disk.walk(Path::new(names::FOLDER));
        let folder = folder.map_err(|_| "the folder was not made anew".to_owned())?;
        book.check_limits(&world.disk, folder, 0)?;
        if !self.out_of_order {
            book.check_order(&world.disk, folder)?;
        }
        book.check_stray(&world.disk, folder, |name, ino| {
            name == "current" || self.outsider.owns(ino)
        })?;
        let counts = book.counts();
        if counts.broken_tails > 0 {
            return Err(format!("{} lines are broken", counts.broken_tails));
        }
        let wrong =
            book.lines.iter().find(|line| matches!(line.state, State::Waiting | State::Refused));
        if let Some(line) = wrong {
            return Err(format!("{} is {:?} at the end", line.text, line.state));
        }
        self.outcome.records = counts.records;
        Ok(())
    }
}
