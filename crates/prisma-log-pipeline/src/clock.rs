//! The time of a record: the processor's counter where it can be trusted, else the system clock.

mod calibration;
mod published;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use prisma_log_core::{Clock as _, SystemClock, Timestamp};

use calibration::{Mark, Sample, Step};
use published::Published;

/// Where the pipeline's time stamps come from at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockKind {
    /// The processor's time stamp counter, laid along the system clock about once a second: steps
    /// and slewing of the system clock show up within that second. Needs x86-64, an invariant
    /// counter, and a kernel that keeps its own time by it.
    Tsc,
    /// The system clock, asked at every call: elsewhere, and for the first 20 ms everywhere.
    System,
    /// The clock that the pipeline was given.
    Custom,
}

/// Every this many ticks the kernel is asked again whether it still trusts the counter.
const TICKS_BETWEEN_CHECKS: u64 = 64;
/// Samples taken at a tick; the one with the least doubt counts.
const SAMPLES: usize = 8;

/// Tells the time in a few nanoseconds.
///
/// [`now`](Clock::now) may be called from any thread, from a signal handler and in a forked child;
/// it takes no lock and never waits for [`tick`](Clock::tick).
pub(crate) struct Clock {
    published: Published,
    custom: Option<Box<dyn prisma_log_core::Clock>>,
    /// What the monotonic times of samples count from.
    started: Instant,
    keeper: Keeper,
}

/// What `tick` remembers. Fields are only touched by the process that `holder` names.
#[derive(Default)]
struct Keeper {
    /// The id of the process that is inside `tick`; 0 when none is. A forked child may find its
    /// parent's id here for ever, and then takes over.
    holder: AtomicU32,
    /// Whether the counter may be used at all: 1; 0 when not.
    trusted: AtomicU32,
    ticks: AtomicU64,
    /// Whether there is a last sample: 1; 0 when not.
    marked: AtomicU32,
    /// The last sample's monotonic mark.
    counter: AtomicU64,
    nanos: AtomicU64,
}

impl Keeper {
    fn mark(&self) -> Option<Mark> {
        (self.marked.load(Ordering::Relaxed) == 1).then(|| Mark {
            counter: self.counter.load(Ordering::Relaxed),
            nanos: self.nanos.load(Ordering::Relaxed),
        })
    }

    fn keep(&self, mark: Option<Mark>) {
        self.marked.store(u32::from(mark.is_some()), Ordering::Relaxed);
        if let Some(mark) = mark {
            self.counter.store(mark.counter, Ordering::Relaxed);
            self.nanos.store(mark.nanos, Ordering::Relaxed);
        }
    }
}

impl Clock {
    /// A clock that reads `custom` if there is one.
    ///
    /// Else the counter is used from the first tick that comes at least 20 ms from now, and the
    /// system clock until then.
    pub(crate) fn new(custom: Option<Box<dyn prisma_log_core::Clock>>) -> Self {
        let clock = Clock {
            published: Published::default(),
            custom,
            started: Instant::now(),
            keeper: Keeper::default(),
        };
        if clock.custom.is_none() && counter::is_trusted() {
            clock.keeper.trusted.store(1, Ordering::Relaxed);
            clock.tick();
        }
        clock
    }

    /// Nanoseconds since the Unix epoch; 0 for times before it.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        if let Some(calibration) = self.published.get() {
            return calibration.at(counter::read());
        }
        self.ask()
    }

    /// Lays the counter along the system clock again; to be called about once a second, and once
    /// some 20 ms after the start. Cheap, and nothing but a load when the counter isn't used.
    pub(crate) fn tick(&self) {
        let keeper = &self.keeper;
        if keeper.trusted.load(Ordering::Relaxed) == 0 {
            return;
        }
        let process = std::process::id();
        let holder = keeper.holder.load(Ordering::Relaxed);
        let inherited = holder != 0 && holder != process;
        if holder == process
            || keeper
                .holder
                .compare_exchange(holder, process, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            return; // another thread is at it
        }
        if inherited {
            keeper.keep(None); // it may be half of one mark and half of another
        }
        self.calibrate();
        keeper.holder.store(0, Ordering::Release);
    }

    /// Where [`now`](Clock::now) takes the time from at the moment.
    pub(crate) fn kind(&self) -> ClockKind {
        if self.custom.is_some() {
            ClockKind::Custom
        } else if self.published.get().is_some() {
            ClockKind::Tsc
        } else {
            ClockKind::System
        }
    }

    /// Whether the counter is, or will be, what the time is taken from.
    #[cfg(test)]
    pub(crate) fn may_use_counter(&self) -> bool {
        self.keeper.trusted.load(Ordering::Relaxed) == 1
    }

    #[cold]
    fn ask(&self) -> u64 {
        let Some(custom) = &self.custom else { return system_nanos() };
        catch_unwind(AssertUnwindSafe(|| nanos(custom.now()))).unwrap_or_else(|payload| {
            // The payload may panic when it is dropped; what that panics with is let go.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(again);
            }
            system_nanos()
        })
    }

    fn calibrate(&self) {
        let keeper = &self.keeper;
        let ticks = keeper.ticks.fetch_add(1, Ordering::Relaxed);
        if ticks % TICKS_BETWEEN_CHECKS == TICKS_BETWEEN_CHECKS - 1 && !counter::is_trusted() {
            keeper.trusted.store(0, Ordering::Relaxed);
            self.published.withdraw();
            return;
        }
        let Some(sample) = Sample::best((0..SAMPLES).map(|_| self.sample())) else { return };
        let before = keeper.mark();
        match calibration::step(self.published.get(), before, &sample) {
            Step::Wait => return,
            Step::Keep => {}
            Step::Publish(calibration) => self.published.set(calibration),
            Step::StartOver => self.published.withdraw(),
        }
        keeper.keep(Some(sample.monotonic));
    }

    fn sample(&self) -> Sample {
        let first = counter::read_in_order();
        let monotonic = self.started.elapsed().as_nanos() as u64; // 584 years
        let second = counter::read_in_order();
        let wall = system_nanos();
        let third = counter::read_in_order();
        Sample::bracketed(first, monotonic, second, wall, third)
    }
}

fn system_nanos() -> u64 {
    nanos(SystemClock.now())
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.unix_nanos()).unwrap_or(0)
}

#[cfg(target_arch = "x86_64")]
mod counter {
    #![expect(unsafe_code, reason = "the counter is read by an instruction")]

    use std::arch::x86_64::{__cpuid, _mm_lfence, _rdtsc};

    /// Whether the counter runs at one rate whatever the processor does, on all processors alike:
    /// the processor must say so, and the kernel must believe it enough to keep its time by it.
    pub(super) fn is_trusted() -> bool {
        const SOURCES: [&str; 3] = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page"];
        let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        is_invariant()
            && std::fs::read_to_string(source).is_ok_and(|name| SOURCES.contains(&name.trim()))
    }

    fn is_invariant() -> bool {
        const POWER_MANAGEMENT: u32 = 0x8000_0007;
        __cpuid(0x8000_0000).eax >= POWER_MANAGEMENT && __cpuid(POWER_MANAGEMENT).edx & 1 << 8 != 0
    }

    #[inline]
    pub(super) fn read() -> u64 {
        // SAFETY: every x86-64 processor has RDTSC. A process that forbade it to itself by prctl
        // never gets here: the kernel's own clock calls in user space would have failed before.
        unsafe { _rdtsc() }
    }

    /// [`read`], with the instructions before it done and those after it not begun.
    pub(super) fn read_in_order() -> u64 {
        // SAFETY: LFENCE is part of SSE2, which every x86-64 processor has; RDTSC as above.
        unsafe {
            _mm_lfence();
            let counter = _rdtsc();
            _mm_lfence();
            counter
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod counter {
    pub(super) fn is_trusted() -> bool {
        false
    }

    #[inline]
    pub(super) fn read() -> u64 {
        0
    }

    pub(super) fn read_in_order() -> u64 {
        0
    }
}

#[cfg(test)]
mod tests;
