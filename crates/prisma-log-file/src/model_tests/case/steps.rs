//! The steps of a case.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prisma_log_core::{SinkCommand, Timestamp};

use super::setup::{ODD_TIMES, any_setup, any_sizes};
use super::{BATCH, Case, lock};
use crate::Compression;
use crate::model_tests::names;
use crate::model_tests::outside::Act;
use crate::model_tests::service::{Ended, Service, Setup};

impl Case {
    /// How much may have been written that a sink doesn't know of.
    pub(super) fn others(&self) -> u64 {
        // The thread that compresses is not the sink's own here.
        let alone = self.services.len() == 1 && self.setup.compression == Compression::None;
        if alone { 0 } else { BATCH }
    }

    pub(super) fn write(&mut self) -> Result<(), String> {
        let sizes = any_sizes(&mut self.random);
        self.with_trouble(|service| {
            if service.queue.len() < 50 {
                service.log(&sizes);
            }
            service.write()
        })
    }

    pub(super) fn advance(&mut self) {
        let long = match self.random.u8(..10) {
            0..5 => self.random.u64(1..2_000),
            5..8 => self.random.u64(1..60_000),
            8 => self.random.u64(1..7_200_000),
            _ => self.random.u64(1..86_400_000),
        };
        let disk = &mut self.shared.lock().disk;
        disk.elapsed += Duration::from_millis(long);
        disk.wall = disk.wall.saturating_add(Duration::from_millis(long));
    }

    /// The wall clock is set.
    pub(super) fn jump(&mut self) {
        let day = Duration::from_secs(86_400);
        let odd = ODD_TIMES[self.random.usize(..ODD_TIMES.len())];
        let way = self.random.u8(..10);
        let hour = Duration::from_secs(self.random.u64(1..4000));
        let mut world = self.shared.lock();
        let disk = &mut world.disk;
        let before = disk.wall;
        disk.wall = match way {
            0..3 => disk.wall.saturating_add(day),
            3..6 => disk.wall.saturating_sub(day),
            6 => disk.wall.saturating_add(hour),
            7 => disk.wall.saturating_sub(hour),
            _ => Timestamp::from_unix_seconds(odd),
        };
        // Before 1970 and after 9999 no file system goes.
        disk.wall = disk.wall.max(Timestamp::UNIX_EPOCH);
        self.put_back |= disk.wall < before;
        let now = disk.wall;
        world.tell(|| format!("  it is {now}"));
    }

    pub(super) fn maintain(&mut self) -> Result<(), String> {
        self.with_trouble(Service::maintain)
    }

    pub(super) fn flush(&mut self) -> Result<(), String> {
        self.with_trouble(Service::flush_checked)
    }

    pub(super) fn command(&mut self) -> Result<(), String> {
        let command =
            if self.random.u8(..3) == 0 { SinkCommand::Reopen } else { SinkCommand::Rotate };
        self.with_trouble(|service| service.command(command))
    }

    pub(super) fn compress(&mut self) -> Result<(), String> {
        self.with_trouble(Service::compress)
    }

    pub(super) fn act(&mut self) -> Result<(), String> {
        self.tally.acts += 1;
        self.outsider.does(Act::any(&mut self.random), &mut self.random);
        // What a torn record's writer left is copied and moved along.
        let mut world = self.shared.lock();
        let mut book = self.book.open();
        book.settle(&mut world.disk)
    }

    pub(super) fn restart(&mut self) -> Result<(), String> {
        let service = self.any_service();
        lock(&service).stop();
        self.start(&service)
    }

    pub(super) fn start(&mut self, service: &Arc<Mutex<Service>>) -> Result<(), String> {
        self.tally.reopened += 1;
        let ended = lock(service).start(None)?;
        self.after(service, false, &ended)
    }

    pub(super) fn kill(&mut self) -> Result<(), String> {
        let service = self.any_service();
        if lock(&service).is_running() {
            self.tally.crashes += 1;
            lock(&service).kill();
        }
        Ok(())
    }

    /// The disk is full, or has room again.
    pub(super) fn fill(&mut self) {
        let mut world = self.shared.lock();
        self.full = !self.full && self.random.bool();
        world.disk.capacity = None;
        if self.full {
            let room = self.random.u64(..20_000);
            world.disk.fill_up_to(room);
        }
        let full = self.full;
        world.tell(|| format!("  the disk is full: {full}"));
    }

    /// The operator changes limits; all services start anew with them.
    pub(super) fn other_setup(&mut self) {
        let other = any_setup(&mut self.random);
        let rotation = self.setup.rotation.clone();
        self.setup = Setup { rotation: rotation.and(other.rotation.clone()), ..other };
        self.book.open().limits = self.setup.limits(BATCH);
        self.schedule = self.setup.schedule();
        for service in &self.services {
            let mut service = lock(service);
            service.stop();
            service.setup = self.setup.clone();
        }
        self.shared.lock().tell(|| format!("{:#?}", self.setup));
    }

    pub(super) fn power_cut(&mut self) -> Result<(), String> {
        self.tally.power_cuts += 1;
        for service in &self.services {
            lock(service).kill();
        }
        let mut world = self.shared.lock();
        world.tell(|| "  the power fails".to_owned());
        let mut book = self.book.open();
        book.settle(&mut world.disk)?;
        world.disk.power_cut(&mut self.random);
        book.after_power_cut(&mut world.disk)
    }

    /// A quiet hour: nothing goes wrong, everything is written and tidied up.
    pub(super) fn quiet(&mut self) -> Result<(), String> {
        self.outsider.unblock();
        self.full = false;
        {
            let disk = &mut self.shared.lock().disk;
            disk.capacity = None;
            disk.elapsed += Duration::from_secs(3600);
            disk.wall = disk.wall.saturating_add(Duration::from_secs(3600));
        }
        for service in self.services.clone() {
            lock(&service).stop();
        }
        for service in self.services.clone() {
            self.start(&service)?;
            let ended = lock(&service).write()?;
            let mut service = lock(&service);
            if !matches!(ended, Ended::Well) || !service.queue.is_empty() || service.has_doubt() {
                return Err(format!("a quiet hour, and a write ends like this: {ended:?}"));
            }
            service.flush_at_last()?;
            service.compress()?;
        }
        let mut world = self.shared.lock();
        let mut book = self.book.open();
        book.settle(&mut world.disk)?;
        let folder = world.disk.walk(Path::new(names::FOLDER));
        let folder = folder.map_err(|_| "the folder was not made anew".to_owned())?;
        world.disk.unknown = false;
        book.check_limits(&world.disk, folder, self.others())?;
        book.check_order(&world.disk, folder)?;
        book.check_stray(&world.disk, folder, |name, ino| {
            // Nobody looks after a link that is no longer wanted.
            let of_link = name == "current" || !self.setup.link && name == ".current.link.tmp";
            let half_packed = !self.setup.tidies_up() && names::temporary(name);
            of_link || half_packed || self.outsider.owns(ino)
        })
    }

    pub(super) fn end(&mut self) -> Result<(), String> {
        self.quiet()?;
        self.check()?;
        let refused = self.book.open().counts().refused;
        if refused > 0 {
            return Err(format!("{refused} records were refused for good"));
        }
        Ok(())
    }
}
