use std::sync::Arc;
use std::thread;
use std::time::Duration;

use prisma_log_core::ManualClock;

use super::*;

/// The counter's time and the system's as close together as they can be read.
fn difference(clock: &Clock) -> u64 {
    let tries = (0..100).map(|_| {
        let before = system_nanos();
        let now = clock.now();
        let after = system_nanos();
        let outside = before.saturating_sub(now).max(now.saturating_sub(after));
        (after.saturating_sub(before), outside)
    });
    tries.min().unwrap().1
}

#[test]
fn it_agrees_with_the_system_clock() {
    let clock = Clock::new(None);
    assert_eq!(clock.kind(), ClockKind::System);
    assert!(difference(&clock) < 1_000_000);
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(25));
        clock.tick();
        assert!(difference(&clock) < 1_000_000, "{} ns off", difference(&clock));
    }
    let expect = if counter::is_trusted() { ClockKind::Tsc } else { ClockKind::System };
    assert_eq!(clock.kind(), expect);
}

#[test]
fn early_and_concurrent_ticks_do_no_harm() {
    let clock = Clock::new(None);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    clock.tick();
                }
            });
        }
    });
    assert_eq!(clock.keeper.holder.load(Ordering::Relaxed), 0);
    assert!(difference(&clock) < 1_000_000);
}

#[test]
fn a_forked_child_takes_over_from_a_thread_that_it_lost() {
    if !counter::is_trusted() {
        return;
    }
    let clock = Clock::new(None);
    clock.keeper.holder.store(std::process::id() + 1, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(25));
    clock.tick(); // keeps a new mark, as the old one may be torn
    assert_eq!((clock.keeper.holder.load(Ordering::Relaxed), clock.kind()), (0, ClockKind::System));
    thread::sleep(Duration::from_millis(25));
    clock.tick();
    assert_eq!(clock.kind(), ClockKind::Tsc);
    clock.keeper.holder.store(std::process::id(), Ordering::Relaxed);
    let ticks = clock.keeper.ticks.load(Ordering::Relaxed);
    clock.tick(); // another thread of this process is inside
    assert_eq!(clock.keeper.ticks.load(Ordering::Relaxed), ticks);
}

#[test]
fn a_custom_clock_is_asked_each_time() {
    struct Shared(Arc<ManualClock>);
    impl prisma_log_core::Clock for Shared {
        fn now(&self) -> Timestamp {
            self.0.now()
        }
    }
    let manual = Arc::new(ManualClock::new(Timestamp::from_unix_seconds(5)));
    let clock = Clock::new(Some(Box::new(Shared(manual.clone()))));
    assert_eq!((clock.now(), clock.kind()), (5_000_000_000, ClockKind::Custom));
    manual.set(Timestamp::from_unix_nanos(-1));
    clock.tick();
    assert_eq!(clock.now(), 0);
}

#[test]
fn a_custom_clock_that_panics_is_replaced_by_the_system_clock() {
    struct Broken;
    impl prisma_log_core::Clock for Broken {
        fn now(&self) -> Timestamp {
            panic!("no time")
        }
    }
    let clock = Clock::new(Some(Box::new(Broken)));
    assert!(difference(&clock) < 1_000_000);
}

/// `cargo test --release -- --ignored --nocapture cost_of_now`
#[test]
#[ignore = "prints how long a call takes; nothing is asserted"]
fn cost_of_now() {
    const CALLS: u64 = 5_000_000;
    let measure = |what: &str, read: &dyn Fn() -> u64| {
        let start = Instant::now();
        let mut sum = 0_u64;
        for _ in 0..CALLS {
            sum = sum.wrapping_add(read());
        }
        let each = start.elapsed().as_nanos() as f64 / CALLS as f64;
        println!("{what}: {each:.2} ns ({})", std::hint::black_box(sum) & 1);
    };
    let clock = Clock::new(None);
    measure("system clock (before calibration)", &|| clock.now());
    clock.tick();
    println!("{:?}, {} ns off", clock.kind(), difference(&clock));
    for _ in 0..3 {
        measure("counter alone", &counter::read);
        measure("now", &|| clock.now());
    }
    measure("tick (each too early)", &|| {
        clock.tick();
        0
    });
}

/// `cargo test --release -- --ignored --nocapture error_between_ticks`
#[test]
#[ignore = "takes 20 s and prints how far the clock strays; nothing is asserted"]
fn error_between_ticks() {
    let clock = Clock::new(None);
    thread::sleep(Duration::from_millis(20));
    clock.tick();
    let (mut last, mut backwards) = (0, 0_u64);
    for tick in 0..20 {
        let mut worst = 0;
        for _ in 0..100 {
            thread::sleep(Duration::from_millis(10));
            worst = worst.max(difference(&clock));
            let now = clock.now();
            backwards += u64::from(now < last);
            last = now;
        }
        let before = clock.now();
        clock.tick();
        backwards += u64::from(clock.now() < before);
        println!(
            "{tick}: {worst} ns off at worst, {backwards} times backwards, {:?}",
            clock.kind()
        );
    }
}
