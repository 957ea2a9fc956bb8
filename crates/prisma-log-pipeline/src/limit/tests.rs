use std::sync::{Barrier, Mutex};
use std::thread;

use super::*;

const START: u64 = 1_795_507_200_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// The list of limits is one for the process: tests that empty it take turns.
static TURN: Mutex<()> = Mutex::new(());

fn limit() -> Limit {
    Limit::new("src/a.rs", 7, "a", Level::Info)
}

fn leak(limit: Limit) -> &'static Limit {
    Box::leak(Box::new(limit))
}

fn due(limit: &'static Limit, now: u64, all: bool) -> u64 {
    let mut told = 0;
    take_due(now, all, |found, count| {
        let is_it = std::ptr::eq(found, limit);
        if is_it {
            told += count;
        }
        is_it
    });
    told
}

#[test]
fn calls_and_verdicts() {
    const S: Verdict = Verdict::Suppress;
    const fn a(suppressed: u64) -> Verdict {
        Verdict::Admit { suppressed }
    }
    let _turn = TURN.lock();
    // Calls as (milliseconds, fingerprint), and what is left to tell at the end.
    let check = |limit: Limit, calls: &[(u64, u64, Verdict)], left: u64| {
        let limit = leak(limit);
        for (index, &(millis, fingerprint, expect)) in calls.iter().enumerate() {
            let found = limit.admit(START + millis * 1_000_000, fingerprint);
            assert_eq!(found, expect, "{limit:?}, call {index}");
        }
        assert_eq!(due(limit, 0, true), left, "{limit:?}");
        assert_eq!(due(limit, 0, true), 0, "{limit:?}");
    };
    check(limit(), &[(0, 0, a(0)), (0, 0, a(0))], 0);
    check(
        limit().every("1s"),
        &[(0, 0, a(0)), (1, 0, S), (999, 0, S), (1000, 0, a(2)), (1001, 0, S), (9000, 0, a(1))],
        0,
    );
    check(
        limit().every("1s").first(2),
        &[(0, 0, a(0)), (1, 0, a(0)), (2, 0, S), (1500, 0, a(1)), (1600, 0, a(0)), (1700, 0, S)],
        1,
    );
    check(limit().first(2), &[(0, 0, a(0)), (0, 0, a(0)), (9_000_000, 0, S), (1, 0, S)], 2);
    // The order in which rules are set doesn't matter.
    check(limit().first(1).every("1s"), &[(0, 0, a(0)), (1, 0, S), (1000, 0, a(1))], 0);
    check(
        limit().sample(3),
        &[(0, 0, a(0)), (0, 0, S), (0, 0, S), (0, 0, a(0)), (0, 0, S), (0, 0, S), (0, 0, a(0))],
        4,
    );
    check(limit().sample(1), &[(0, 0, a(0)), (0, 0, a(0))], 0);
    check(
        limit().sample(2).first(1),
        &[(0, 0, a(0)), (0, 0, S), (0, 0, S), (0, 0, S), (0, 0, S)],
        4,
    );
    check(
        limit().repeats("10s"),
        &[
            (0, 5, a(0)),
            (1, 5, S),
            (2, 5, S),
            (3, 6, a(2)),
            (4, 5, a(0)),
            (5, 5, S),
            (9_999, 5, S),
            (10_000, 5, a(2)),
            (10_001, 5, S),
        ],
        1,
    );
    check(
        limit().repeats("10s").every("1s"),
        &[(0, 1, a(0)), (1, 1, S), (2, 2, S), (1_500, 2, S), (1_600, 3, a(3))],
        0,
    );
}

#[test]
fn the_worker_tells_when_the_interval_has_passed() {
    let _turn = TURN.lock();
    let check = |limit: Limit, period: u64| {
        let limit = leak(limit);
        assert_eq!(limit.admit(START, 0), Verdict::Admit { suppressed: 0 });
        assert_eq!(due(limit, START + 1000 * period, true), 0);
        for _ in 0..3 {
            assert_eq!(limit.admit(START, 0), Verdict::Suppress);
        }
        assert_eq!(due(limit, START + period - 1, false), 0, "{limit:?}");
        assert_eq!(due(limit, START + period, false), 3, "{limit:?}");
        assert_eq!(due(limit, START + period, false), 0, "{limit:?}");
        assert_eq!(limit.admit(START + 1, 0), Verdict::Suppress);
        assert_eq!(due(limit, START + period, false), 0, "{limit:?}");
        assert_eq!(due(limit, START + 1 - period, false), 1, "set back: {limit:?}");
    };
    check(limit().every("1s"), SECOND);
    check(limit().every("2s").repeats("7s"), 2 * SECOND);
    check(limit().repeats("24h"), 86_400 * SECOND);
    check(limit().first(1), DEFAULT_PERIOD);
    check(limit().sample(100), DEFAULT_PERIOD);
    assert_eq!((limit().file(), limit().line(), limit().module()), ("src/a.rs", 7, "a"));
}

#[test]
fn after_a_fork_the_parent_tells() {
    let _turn = TURN.lock();
    let limit = leak(limit().first(1));
    let _ = (limit.admit(START, 0), limit.admit(START, 0));
    after_fork();
    assert_eq!(due(limit, START, true), 0);
}

/// Calls from four threads while a fifth takes what is due: nothing is lost or told twice.
fn hammer(limit: Limit, calls: u64, now: fn(u64) -> u64) -> u64 {
    let limit = leak(limit);
    let (mut admitted, mut told) = (0, 0);
    let start = Barrier::new(4);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let (mut admitted, mut told) = (0, 0);
                    for call in 0..calls {
                        match limit.admit(now(call), call / 10) {
                            Verdict::Admit { suppressed } => {
                                admitted += 1;
                                told += suppressed;
                            }
                            Verdict::Suppress => {}
                        }
                    }
                    (admitted, told)
                })
            })
            .collect();
        for round in 0..1_000 {
            told += due(limit, START, round % 2 == 0);
        }
        for caller in callers {
            let (more_admitted, more_told) = caller.join().unwrap();
            admitted += more_admitted;
            told += more_told;
        }
    });
    told += due(limit, START, true);
    assert_eq!(admitted + told, 4 * calls, "{limit:?}");
    admitted
}

#[test]
fn counts_are_exact_among_threads() {
    let _turn = TURN.lock();
    const CALLS: u64 = 100_000;
    let standing = |_: u64| START;
    assert_eq!(hammer(limit().first(300_000), CALLS, standing), 300_000);
    assert_eq!(hammer(limit().every("1s").first(200_000), CALLS, standing), 200_000);
    assert_eq!(hammer(limit().sample(100), CALLS, standing), 4 * CALLS / 100);
    // 0.1 s pass in steps of 1 µs: intervals of at least 1 ms, at most 7 in each.
    let flowing = |call: u64| START + call * 1_000;
    let admitted = hammer(limit().every("1ms").first(7), CALLS, flowing);
    assert!((7..=7 * 101).contains(&admitted), "{admitted}");
    let admitted = hammer(limit().repeats("1h"), CALLS, standing);
    assert!(admitted >= CALLS / 10, "{admitted}");
}

/// `cargo test --release -- --ignored --nocapture cost_of_admit`
#[test]
#[ignore = "prints how long a call takes; nothing is asserted"]
fn cost_of_admit() {
    const CALLS: u64 = 5_000_000;
    let _turn = TURN.lock();
    let measure = |what: &str, limit: Limit| {
        let limit = leak(limit);
        let start = std::time::Instant::now();
        let mut admitted = 0_u64;
        for call in 0..CALLS {
            admitted += u64::from(limit.admit(START + call, 0) != Verdict::Suppress);
        }
        let each = start.elapsed().as_nanos() as f64 / CALLS as f64;
        println!("{what}: {each:.2} ns, {admitted} admitted");
    };
    measure("no rule", limit());
    measure("every, all suppressed", limit().every("1h"));
    measure("first, all admitted", limit().first(4_194_303));
    measure("sample", limit().sample(100));
    measure("repeats, all suppressed", limit().repeats("1h"));
}
