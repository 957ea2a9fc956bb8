use super::*;
use crate::compression::Packing;
use crate::names::Stamp;

const NOW: i64 = 1_000_000;

/// Archives, oldest first, each given as its length and its age in seconds.
fn found(archives: &[(u64, i64)]) -> Vec<Found> {
    let one = |(index, &(len, age)): (usize, &(u64, i64))| Found {
        archive: Archive {
            stamp: Stamp { seconds: index as i64, offset: 0 },
            number: 1,
            packed: (index % 2 == 0).then_some(Packing::Gzip),
        },
        len,
        modified: Timestamp::from_unix_seconds(NOW - age),
    };
    archives.iter().enumerate().map(one).collect()
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(NOW)
}

#[test]
fn each_limit_and_all_together() {
    let three = [(100, 30), (50, 20), (10, 10)];
    let check = |retention: Retention, current: u64, available: Option<u64>, expect: &[usize]| {
        assert_eq!(retention.surplus(&found(&three), current, now(), available), expect);
    };
    let seconds = Duration::from_secs;
    let new = Retention::new;
    check(new(), 1 << 60, Some(0), &[]);
    check(new().archives(3), 5, None, &[]);
    check(new().archives(2), 5, None, &[0]);
    check(new().archives(0), 5, None, &[0, 1, 2]);
    check(new().age(seconds(30)), 5, None, &[]);
    check(new().age(seconds(29)), 5, None, &[0]);
    check(new().age(seconds(5)), 5, None, &[0, 1, 2]);
    check(new().total_bytes(165), 5, None, &[]);
    check(new().total_bytes(164), 5, None, &[0]);
    check(new().total_bytes(64), 5, None, &[0, 1]);
    check(new().total_bytes(14), 5, None, &[0, 1, 2]);
    check(new().total_bytes(4), 5, None, &[0, 1, 2]);
    check(new().free_space(1000), 5, None, &[]);
    check(new().free_space(1000), 5, Some(1000), &[]);
    check(new().free_space(1000), 5, Some(999), &[0]);
    check(new().free_space(1000), 5, Some(900), &[0]);
    check(new().free_space(1000), 5, Some(899), &[0, 1]);
    check(new().free_space(1000), 5, Some(0), &[0, 1, 2]);
    // What one limit takes counts for the others.
    check(new().age(seconds(25)).archives(2).total_bytes(65), 5, None, &[0]);
    check(new().age(seconds(25)).free_space(100), 5, Some(0), &[0]);
    check(new().age(seconds(25)).archives(1), 5, None, &[0, 1]);
    check(new().archives(2).total_bytes(15), 5, None, &[0, 1]);
    check(new().archives(9).age(seconds(999)).total_bytes(u64::MAX).free_space(0), 5, Some(0), &[]);
}

#[test]
fn odd_files_and_odd_clocks() {
    let check = |archives: &[(u64, i64)], retention: Retention, expect: &[usize]| {
        let found = found(archives);
        assert_eq!(retention.surplus(&found, 0, now(), Some(0)), expect);
    };
    // From the future: not old.
    check(&[(1, -50), (1, 10)], Retention::new().age(Duration::from_secs(20)), &[]);
    // Somebody touched the oldest one.
    check(&[(1, 0), (1, 30), (1, 0)], Retention::new().age(Duration::from_secs(20)), &[1]);
    check(
        &[(1, 0), (1, 30), (1, 0)],
        Retention::new().age(Duration::from_secs(20)).archives(1),
        &[0, 1],
    );
    check(&[(u64::MAX, 0), (u64::MAX, 0)], Retention::new().total_bytes(u64::MAX), &[0]);
    check(&[(u64::MAX, 0), (u64::MAX, 0)], Retention::new().free_space(u64::MAX), &[0]);
    check(&[], Retention::new().archives(0).total_bytes(0).free_space(u64::MAX), &[]);
}

#[test]
fn what_is_kept_is_within_the_limits_and_nothing_goes_without_need() {
    let mut random = fastrand::Rng::with_seed(17);
    let mut deleted = 0;
    for _ in 0..100_000 {
        let archives: Vec<_> =
            (0..random.usize(0..8)).map(|_| (random.u64(0..100), random.i64(-5..100))).collect();
        let mut retention = Retention::new();
        retention.archives = random.bool().then(|| random.usize(0..8));
        retention.age = random.bool().then(|| Duration::from_secs(random.u64(1..100)));
        retention.total_bytes = random.bool().then(|| random.u64(0..500));
        retention.free_space = random.bool().then(|| random.u64(0..500));
        let (current, available) = (random.u64(0..100), random.bool().then(|| random.u64(0..500)));
        let found = found(&archives);
        let surplus = retention.surplus(&found, current, now(), available);
        deleted += surplus.len();
        assert!(surplus.is_sorted_by(|one, next| one < next));
        let kept = |surplus: &[usize]| -> Vec<Found> {
            (0..found.len()).filter(|index| !surplus.contains(index)).map(|i| found[i]).collect()
        };
        let old = |found: &Found| {
            let age = now().unix_nanos() - found.modified.unix_nanos();
            retention.age.is_some_and(|most| i128::from(age) > most.as_nanos() as i128)
        };
        let fits = |kept: &[Found], gone: u64| {
            let total = current + kept.iter().map(|found| found.len).sum::<u64>();
            retention.archives.is_none_or(|most| kept.len() <= most)
                && retention.total_bytes.is_none_or(|most| total <= most)
                && available.is_none_or(|left| {
                    retention.free_space.is_none_or(|least| left + gone >= least)
                })
        };
        let gone = |surplus: &[usize]| surplus.iter().map(|&index| found[index].len).sum();
        let rest = kept(&surplus);
        assert!(!rest.iter().any(old));
        assert!(rest.is_empty() || fits(&rest, gone(&surplus)));
        // Without its youngest victim that was not too old, some limit would be broken.
        if let Some(last) = surplus.iter().rposition(|&index| !old(&found[index])) {
            let mut fewer = surplus.clone();
            fewer.remove(last);
            assert!(!fits(&kept(&fewer), gone(&fewer)));
            // Oldest first: what is kept is younger than it.
            assert!((0..surplus[last]).all(|index| surplus.contains(&index)));
        }
    }
    assert!(deleted > 100_000);
}

#[test]
fn five_are_kept_unless_something_else_is_asked_for() {
    assert_eq!(Retention::new().or_default().archives, Some(5));
    let total = Retention::new().total_bytes(10_000);
    assert_eq!(total.clone().or_default(), total);
    let none = Retention::new().archives(0);
    assert_eq!(none.clone().or_default(), none);
}
