//! One case of the model test: services, a disk, and what befalls them, all by a seed.

mod setup;
mod steps;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use prisma_log_core::{SinkCommand, Timestamp};

use super::calls::{Fault, Shared, Trouble};
use super::ledger::Counts;
use super::names;
use super::outside::{Act, Outsider};
use super::service::{Book, Ended, Service, Setup};
use crate::schedule::Schedule;
use setup::{ODD_TIMES, any_setup, any_sizes};

/// Most bytes that one write hands over.
const BATCH: u64 = 24 * 1024;

/// How long a sink rests after it could not delete an archive.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(61);

pub(super) struct Case {
    random: Rng,
    pub(super) shared: Shared,
    pub(super) book: Book,
    outsider: Outsider,
    setup: Setup,
    services: Vec<Arc<Mutex<Service>>>,
    schedule: Option<Schedule>,
    /// Whether the wall clock was ever put back.
    put_back: bool,
    full: bool,
    /// From when on the sinks have to keep all limits again.
    judged_from: Duration,
    pub(super) tally: Tally,
}

/// What a case came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) steps: u64,
    pub(super) crashes: u64,
    pub(super) power_cuts: u64,
    pub(super) faults: u64,
    pub(super) races: u64,
    pub(super) acts: u64,
    pub(super) reopened: u64,
    pub(super) records: Counts,
}

fn lock(service: &Mutex<Service>) -> MutexGuard<'_, Service> {
    service.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Case {
    pub(super) fn new(seed: u64, told: bool) -> Case {
        let mut random = Rng::with_seed(seed);
        let start = ODD_TIMES[random.usize(..ODD_TIMES.len())];
        let shared = Shared::new(Timestamp::from_unix_seconds(start), told);
        let book = Book::default();
        let setup = any_setup(&mut random);
        book.open().limits = setup.limits(BATCH);
        shared.lock().tell(|| format!("{setup:#?}"));
        let count = [1, 1, 1, 2, 2, 3][random.usize(..6)];
        let services = (0..count)
            .map(|number| Arc::new(Mutex::new(Service::new(number, &shared, &book, &setup))));
        let services = services.collect();
        let schedule = setup.schedule();
        let outsider = Outsider::new(&shared, &book);
        {
            let disk = &mut shared.lock().disk;
            let made = disk.create_folders(Path::new(names::FOLDER));
            made.expect("an empty disk has room");
            let srv = disk.walk(Path::new("/srv")).expect("it was made just now");
            let treasure = OsStr::new("treasure");
            if let Some(ino) = disk.place(srv, treasure, b"treasure\n") {
                disk.stabilise(srv, treasure);
                book.open().foreign(ino, b"treasure\n");
            }
        }
        Case {
            random,
            shared,
            book,
            outsider,
            setup,
            services,
            schedule,
            put_back: false,
            full: false,
            judged_from: Duration::ZERO,
            tally: Tally::default(),
        }
    }

    /// So many steps, and then a quiet end in which everything has to be in its place.
    pub(super) fn run(&mut self, steps: u64) -> Result<(), String> {
        for _ in 0..steps {
            self.tally.steps += 1;
            let number = self.tally.steps;
            self.shared.lock().tell(|| format!("step {number}"));
            self.step()?;
            self.shared.lock().disk.collect();
        }
        self.shared.lock().tell(|| "the end".to_owned());
        self.end()?;
        self.tally.records = self.book.open().counts();
        Ok(())
    }

    fn any_service(&mut self) -> Arc<Mutex<Service>> {
        Arc::clone(&self.services[self.random.usize(..self.services.len())])
    }

    fn step(&mut self) -> Result<(), String> {
        match self.random.u32(..1000) {
            0..600 => self.write()?,
            600..680 => self.advance(),
            680..760 => self.maintain()?,
            760..820 => self.flush()?,
            820..840 => self.command()?,
            840..860 => self.compress()?,
            860..885 => self.jump(),
            885..925 => self.act()?,
            925..940 => self.restart()?,
            940..950 => self.kill()?,
            950..965 => self.fill(),
            965..980 => self.outsider.unblock(),
            980..985 => self.other_setup(),
            985..992 => self.power_cut()?,
            _ => self.quiet()?,
        }
        self.check()
    }

    fn check(&mut self) -> Result<(), String> {
        let mut world = self.shared.lock();
        let mut book = self.book.open();
        book.settle(&mut world.disk)?;
        book.check(&mut world.disk)?;
        if self.tally.steps.is_multiple_of(8)
            && let Ok(folder) = world.disk.walk(Path::new(names::FOLDER))
        {
            book.check_order(&world.disk, folder)?;
        }
        Ok(())
    }

    /// What goes wrong in the next call of a service's sink; most of the time nothing.
    fn any_fault(&mut self) -> Option<Fault> {
        let at = self.random.u64(1..40);
        let trouble = match self.random.u8(..100) {
            0..10 => Trouble::Dies(self.random.u8(..)),
            10..14 => {
                let codes = [libc::EIO, libc::ENOSPC, libc::EDQUOT, libc::EROFS, libc::EMFILE];
                Trouble::Fails(codes[self.random.usize(..codes.len())])
            }
            14..17 => Trouble::Short,
            17..19 => Trouble::Fails(libc::EINTR),
            _ => return None,
        };
        let only = matches!(trouble, Trouble::Short).then_some(super::calls::Call::Append);
        let at = if only.is_some() { 1 } else { at };
        Some(Fault { at, times: 1, only, trouble })
    }

    /// Lets somebody else come in between two calls of the service, now and then.
    fn any_race(&mut self, service: &Arc<Mutex<Service>>, fault: Option<Fault>) -> bool {
        if self.random.u8(..100) >= 8 {
            return false;
        }
        let at = self.random.u64(1..30);
        let others = self.services.iter().filter(|other| !Arc::ptr_eq(other, service));
        let others: Vec<_> = others.cloned().collect();
        let mut random = self.random.fork();
        let other = random.choice(&others).cloned();
        // No half record is in the way, and none will be.
        let whole = fault.is_none() && !self.full && self.services.len() == 1 && self.is_whole();
        let (outsider, shared) = (self.outsider.clone(), self.shared.clone());
        let hook = move || {
            let outcome = match other {
                Some(other) if random.bool() => interfere(&other, &mut random),
                _ => {
                    outsider.does(Act::between_calls(whole, &mut random), &mut random);
                    Ok(())
                }
            };
            if let Err(violation) = outcome {
                shared.lock().disk.violations.push(violation);
            }
        };
        self.tally.races += 1;
        lock(service).os.at_call(at, hook);
        true
    }

    /// Whether the current file ends with a whole line.
    fn is_whole(&self) -> bool {
        let disk = &self.shared.lock().disk;
        let current = disk.walk(&Path::new(names::FOLDER).join(names::BASE));
        current.is_ok_and(|ino| !self.book.open().ends_broken(ino))
    }

    /// Calls the sink, perhaps with a fault or somebody in between.
    fn with_trouble(
        &mut self,
        call: impl FnOnce(&mut Service) -> Result<Ended, String>,
    ) -> Result<(), String> {
        let service = self.any_service();
        if !lock(&service).is_running() {
            let fault = self.any_fault();
            let ended = lock(&service).start(fault)?;
            self.after(&service, fault.is_some(), &ended)?;
            if !lock(&service).is_running() {
                return Ok(());
            }
        }
        let fault = self.any_fault();
        lock(&service).os.fault(fault);
        let raced = self.any_race(&service, fault);
        self.watch(raced || fault.is_some());
        let ended = call(&mut lock(&service))?;
        self.after(&service, raced || fault.is_some(), &ended)
    }

    /// Has the limits checked at each write, if they have to hold by now.
    fn watch(&self, troubled: bool) {
        let disk = &mut self.shared.lock().disk;
        let judged = !troubled
            && !self.full
            && self.others() == 0
            && !disk.unknown
            && disk.elapsed >= self.judged_from;
        let folder = disk.walk(Path::new(names::FOLDER)).ok().filter(|_| judged);
        disk.watched = folder.map(|folder| (self.book.open().limits, folder));
    }

    fn after(
        &mut self,
        service: &Arc<Mutex<Service>>,
        troubled: bool,
        ended: &Ended,
    ) -> Result<(), String> {
        let mut service = lock(service);
        service.os.no_hook();
        let written = service.written.take();
        let struck = service.os.struck() > 0;
        self.tally.faults += u64::from(struck);
        if !matches!(ended, Ended::Died) {
            service.os.fault(None);
        }
        if matches!(ended, Ended::Died) {
            self.tally.crashes += 1;
        }
        let errors = service.take_errors();
        self.shared.lock().tell(|| format!("  {}: {ended:?}, says {errors:?}", service.number));
        let mut world = self.shared.lock();
        world.disk.watched = None;
        let mut book = self.book.open();
        book.settle(&mut world.disk)?;
        let interference = std::mem::take(&mut world.disk.interference_failed);
        let failed = matches!(ended, Ended::Failed(_));
        if struck || failed || interference || !errors.is_empty() {
            // What could not be deleted now is deleted later.
            world.disk.is_unknown();
            self.judged_from = world.disk.elapsed + LONGEST_BACK_OFF;
        }
        if troubled || self.full {
            // A half record may be left where its writer died, or could not take it back.
            book.explain_broken();
        } else if matches!(ended, Ended::Well)
            && world.disk.elapsed >= self.judged_from
            && !world.disk.unknown
            && let Ok(folder) = world.disk.walk(Path::new(names::FOLDER))
        {
            book.check_limits(&world.disk, folder, self.others())?;
            // Of several processes, one may not notice that the clock was put back for a while.
            let timely = self.services.len() == 1 || !self.put_back;
            if let (Some(schedule), Some(id)) = (&self.schedule, written.filter(|_| timely)) {
                book.check_period(&world.disk, id, schedule)?;
            }
        }
        Ok(())
    }

    /// How it came to this, for whoever looks at a failed case.
    pub(super) fn story(&self) -> String {
        let story = self.shared.lock().story.take().unwrap_or_default().join("\n");
        format!("{story}\n{}", self.book.open().show())
    }
}

/// What another service does while one is in the middle of a call.
fn interfere(service: &Mutex<Service>, random: &mut Rng) -> Result<(), String> {
    let mut service = lock(service);
    if !service.is_running() {
        service.start(None)?;
    }
    let mut failed = false;
    for _ in 0..random.u8(1..4) {
        let ended = match random.u8(..6) {
            0..3 => {
                service.log(&any_sizes(random));
                service.write()?
            }
            3 => service.command(SinkCommand::Rotate)?,
            4 => service.maintain()?,
            _ => {
                service.stop();
                service.start(None)?
            }
        };
        failed |= !matches!(ended, Ended::Well) || !service.take_errors().is_empty();
    }
    service.written = None;
    service.shared.lock().disk.interference_failed |= failed;
    Ok(())
}

impl Tally {
    pub(super) fn add(&mut self, other: Tally) {
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.power_cuts += other.power_cuts;
        self.faults += other.faults;
        self.races += other.races;
        self.acts += other.acts;
        self.reopened += other.reopened;
        self.records.add(other.records);
    }
}
