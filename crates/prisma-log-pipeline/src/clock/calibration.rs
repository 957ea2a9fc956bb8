//! The arithmetic between a counter and the wall clock; nothing here reads either.

/// Two samples must be this far apart for the counter's rate to be worth something.
const MIN_INTERVAL_NANOS: u64 = 20_000_000;
/// Samples that took more counter steps than this, some 3 to 10 µs, were interrupted.
const MAX_WIDTH: u64 = 10_000;
/// Up to this distance from the wall clock the calibration glides there instead of jumping, so that
/// errors of measurement don't make time run backwards.
const GLIDE_NANOS: i64 = 10_000;
/// Time in which a glide gets there.
const GLIDE_OVER_NANOS: i128 = 1_000_000_000;
/// Rates that differ by more than 1 in this are no slewing by the kernel (1 in 2,000): the machine
/// slept or was moved, or the clock is being slewed by other means.
const MAX_RATE_CHANGE: u64 = 1_000;

/// A straight line through a point: what the wall clock says when the counter says so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calibration {
    /// The counter at the anchor.
    pub(super) counter: u64,
    /// The wall clock at the anchor, in nanoseconds since the Unix epoch.
    pub(super) nanos: u64,
    /// Nanoseconds per counter step, times 2^32; never 0.
    pub(super) rate: u64,
}

impl Calibration {
    /// The wall clock when the counter says `counter`, which may lie on either side of the anchor.
    #[inline]
    pub(super) fn at(&self, counter: u64) -> u64 {
        let steps = counter.wrapping_sub(self.counter) as i64;
        // Within 97 years of the anchor at 3 GHz nothing here overflows.
        let nanos = (i128::from(steps) * i128::from(self.rate)) >> 32;
        (self.nanos as i64).saturating_add(nanos as i64).max(0) as u64
    }
}

/// The monotonic and the wall clock, each with the counter at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) monotonic: Mark,
    /// Nanoseconds since the Unix epoch.
    pub(super) wall: Mark,
    /// Counter steps that it took.
    pub(super) width: u64,
}

/// A clock, and the counter at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) counter: u64,
    /// For the monotonic clock nanoseconds since any fixed moment: it is slewed as the wall clock
    /// is, but never stepped.
    pub(super) nanos: u64,
}

impl Sample {
    /// From readings in this order: counter, monotonic clock, counter, wall clock, counter.
    pub(super) fn bracketed(
        first: u64,
        monotonic: u64,
        second: u64,
        wall: u64,
        third: u64,
    ) -> Sample {
        let between = |from: u64, to: u64| from.wrapping_add(to.wrapping_sub(from) / 2);
        Sample {
            monotonic: Mark { counter: between(first, second), nanos: monotonic },
            wall: Mark { counter: between(second, third), nanos: wall },
            width: third.wrapping_sub(first),
        }
    }

    /// The sample that was taken fastest, unless even that was interrupted.
    pub(super) fn best(samples: impl IntoIterator<Item = Sample>) -> Option<Sample> {
        samples.into_iter().min_by_key(|sample| sample.width).filter(|s| s.width <= MAX_WIDTH)
    }
}

/// What follows from a new sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Too early: keep the older mark.
    Wait,
    /// The first of its kind: keep it for the next time, and leave the rest as it is.
    Keep,
    /// Keep the mark, and go by this from now on.
    Publish(Calibration),
    /// Keep the mark, and go by the system clock until the next one: the rate isn't to be trusted.
    StartOver,
}

/// Judges a `sample`, given the calibration in force and the last sample's monotonic mark.
pub(super) fn step(current: Option<Calibration>, before: Option<Mark>, sample: &Sample) -> Step {
    let Some(before) = before else { return Step::Keep };
    let interval = sample.monotonic.nanos.saturating_sub(before.nanos);
    if interval < MIN_INTERVAL_NANOS {
        return Step::Wait;
    }
    let steps = sample.monotonic.counter.wrapping_sub(before.counter);
    if steps == 0 || steps > i64::MAX as u64 {
        return Step::StartOver; // it went backwards
    }
    let Ok(rate @ 1..) = u64::try_from((u128::from(interval) << 32) / u128::from(steps)) else {
        return Step::StartOver;
    };
    let anchor = |nanos, rate| Calibration { counter: sample.wall.counter, nanos, rate };
    let Some(current) = current else { return Step::Publish(anchor(sample.wall.nanos, rate)) };
    if rate.abs_diff(current.rate) > current.rate / MAX_RATE_CHANGE {
        return Step::StartOver;
    }
    let predicted = current.at(sample.wall.counter);
    let error = sample.wall.nanos.wrapping_sub(predicted) as i64;
    if error.unsigned_abs() > GLIDE_NANOS.unsigned_abs() {
        return Step::Publish(anchor(sample.wall.nanos, rate)); // stepped, or slewed anew
    }
    let glide = i128::from(rate) * i128::from(error) / GLIDE_OVER_NANOS;
    Step::Publish(anchor(predicted, rate.saturating_add_signed(glide as i64).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: u64 = 2_999_999_937;
    const EPOCH: u64 = 1_795_507_200_000_000_000;

    /// A counter, and clocks that can be slewed and stepped.
    struct World {
        elapsed: u64, // true nanoseconds since the start
        slewed: i64,  // what slewing put on top of them
        stepped: i64,
        slew_ppm: i64,
        counter_start: u64,
    }

    impl World {
        fn new(counter_start: u64) -> Self {
            World { elapsed: 0, slewed: 0, stepped: 0, slew_ppm: 0, counter_start }
        }

        fn pass(&mut self, nanos: u64) {
            self.elapsed += nanos;
            self.slewed += nanos as i64 / 1_000_000 * self.slew_ppm;
        }

        fn counter(&self) -> u64 {
            let steps = u128::from(self.elapsed) * u128::from(HZ) / 1_000_000_000;
            self.counter_start.wrapping_add(steps as u64)
        }

        fn wall(&self) -> u64 {
            (EPOCH + self.elapsed).wrapping_add_signed(self.slewed + self.stepped)
        }

        fn sample(&self) -> Sample {
            let counter = self.counter();
            let monotonic = (7_777 + self.elapsed).wrapping_add_signed(self.slewed);
            Sample {
                monotonic: Mark { counter, nanos: monotonic },
                wall: Mark { counter, nanos: self.wall() },
                width: 100,
            }
        }
    }

    /// What the clock does with its samples.
    #[derive(Default)]
    struct Book {
        current: Option<Calibration>,
        before: Option<Mark>,
    }

    impl Book {
        fn tick(&mut self, world: &World) -> Step {
            let sample = world.sample();
            let step = step(self.current, self.before, &sample);
            match step {
                Step::Wait => return step,
                Step::Keep => {}
                Step::Publish(calibration) => self.current = Some(calibration),
                Step::StartOver => self.current = None,
            }
            self.before = Some(sample.monotonic);
            step
        }

        fn error(&self, world: &World) -> u64 {
            let time = self.current.map(|calibration| calibration.at(world.counter()));
            time.unwrap_or(world.wall()).abs_diff(world.wall())
        }

        fn calibrated(world: &mut World) -> Book {
            let mut book = Book::default();
            assert_eq!(book.tick(world), Step::Keep);
            world.pass(19_000_000);
            assert_eq!(book.tick(world), Step::Wait);
            world.pass(1_000_000);
            assert!(matches!(book.tick(world), Step::Publish(_)));
            book
        }
    }

    #[test]
    fn a_steady_clock_is_met_to_the_nanosecond() {
        for counter_start in [0, 12_345, u64::MAX - 5_000_000, i64::MAX as u64 - 10_000_000] {
            let mut world = World::new(counter_start);
            let mut book = Book::calibrated(&mut world);
            for seconds in 1..200 {
                world.pass(1_000_000_000);
                assert!(book.error(&world) <= 60, "{} ns off", book.error(&world));
                assert!(matches!(book.tick(&world), Step::Publish(_)), "at {seconds} s");
                assert!(book.error(&world) <= 60);
            }
        }
    }

    #[test]
    fn slewing_is_followed_within_a_tick() {
        let check = |slew_ppm: i64| {
            let mut world = World::new(1 << 40);
            let mut book = Book::calibrated(&mut world);
            world.slew_ppm = slew_ppm;
            for tick in 0..20 {
                world.pass(1_000_000_000);
                let most = if tick == 0 { slew_ppm.unsigned_abs() * 1_000 + 200 } else { 200 };
                assert!(book.error(&world) <= most, "{slew_ppm} ppm: {} ns", book.error(&world));
                book.tick(&world);
                if slew_ppm.abs() <= 500 {
                    assert!(book.current.is_some());
                }
            }
            assert!(book.current.is_some(), "{slew_ppm} ppm");
        };
        for slew_ppm in [0, 1, -1, 100, -100, 500, -500, 83_333, -83_333] {
            check(slew_ppm);
        }
    }

    #[test]
    fn steps_are_followed_at_the_next_tick_and_leave_the_rate_alone() {
        let check = |stepped: i64| {
            let mut world = World::new(1 << 40);
            let mut book = Book::calibrated(&mut world);
            let rate = book.current.unwrap().rate;
            world.stepped = stepped;
            world.pass(1_000_000_000);
            assert!(book.error(&world).abs_diff(stepped.unsigned_abs()) < 100);
            assert!(matches!(book.tick(&world), Step::Publish(_)), "{stepped}");
            assert!(book.error(&world) <= 100, "{stepped}: {}", book.error(&world));
            world.pass(1_000_000_000);
            assert!(book.error(&world) <= 100, "{stepped}: {}", book.error(&world));
            assert!(book.current.unwrap().rate.abs_diff(rate) <= rate / 1_000_000);
        };
        for stepped in [20_000, -20_000, 1_000_000_000, -3_600_000_000_000, 86_400_000_000_000] {
            check(stepped);
        }
    }

    #[test]
    fn small_errors_are_glided_away_without_time_running_backwards() {
        for stepped in [9_000, -9_000] {
            let mut world = World::new(0);
            let mut book = Book::calibrated(&mut world);
            world.stepped = stepped;
            world.pass(1_000_000_000);
            let before = book.current.unwrap().at(world.counter());
            assert!(matches!(book.tick(&world), Step::Publish(_)));
            assert_eq!(book.current.unwrap().at(world.counter()), before);
            world.pass(1_000_000_000);
            assert!(book.error(&world) <= 100, "{}", book.error(&world));
            assert!(book.current.unwrap().at(world.counter()) > before);
        }
    }

    #[test]
    fn a_strange_counter_sends_back_to_the_system_clock_for_one_tick() {
        let check = |disturb: fn(&mut World)| {
            let mut world = World::new(1 << 40);
            let mut book = Book::calibrated(&mut world);
            world.pass(1_000_000_000);
            disturb(&mut world);
            assert_eq!(book.tick(&world), Step::StartOver);
            world.pass(1_000_000_000);
            assert!(matches!(book.tick(&world), Step::Publish(_)));
            assert!(book.error(&world) <= 100);
        };
        check(|world| world.counter_start -= 1 << 39); // backwards
        check(|world| world.counter_start -= HZ); // by just as much as went by
        check(|world| world.counter_start += HZ / 100); // slept while it ran on
    }

    #[test]
    fn the_line_goes_both_ways_and_stops_at_the_epoch() {
        let line = Calibration { counter: 1_000, nanos: 500, rate: 1 << 32 };
        let check = |counter: u64, expect: u64| assert_eq!(line.at(counter), expect);
        check(1_000, 500);
        check(1_001, 501);
        check(999, 499);
        check(500, 0);
        check(0, 0);
        let half = Calibration { rate: 1 << 31, ..line };
        assert_eq!(half.at(1_011), 505);
    }

    #[test]
    fn interrupted_samples_are_left_out() {
        let sample = |width| Sample { width, ..World::new(0).sample() };
        assert_eq!(Sample::best([sample(300), sample(90), sample(200)]), Some(sample(90)));
        assert_eq!(Sample::best([sample(10_001), sample(20_000)]), None);
        let bracketed = Sample::bracketed(u64::MAX - 9, 1, 10, 2, 40);
        assert_eq!(bracketed.monotonic, Mark { counter: 0, nanos: 1 });
        assert_eq!(bracketed.wall, Mark { counter: 25, nanos: 2 });
        assert_eq!(bracketed.width, 50);
    }
}
