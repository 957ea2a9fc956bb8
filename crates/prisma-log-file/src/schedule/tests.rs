use jiff::tz::{AmbiguousOffset, TimeZone};

use super::*;

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

fn time(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

fn show(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

fn schedule(every: &str, zone: &str) -> Schedule {
    Schedule::new(&every.parse().unwrap(), Zone::parse(zone).unwrap())
}

fn next(schedule: &Schedule, after: i64) -> Option<i64> {
    let next = schedule.next_after(Timestamp::from_unix_seconds(after))?.unix_nanos();
    assert_eq!(next % 1_000_000_000, 0);
    Some(next / 1_000_000_000)
}

#[test]
fn over_every_kind_of_change() {
    let check = |zone: &str, every: &str, after: &str, expect: &[&str]| {
        let schedule = schedule(every, zone);
        let mut at = time(after);
        for expect in expect {
            at = next(&schedule, at).unwrap();
            assert_eq!(show(at), *expect, "{every} in {zone}");
        }
    };
    check(
        "utc",
        "hour",
        "2026-11-23T22:59:59Z",
        &["2026-11-23T23:00:00Z", "2026-11-24T00:00:00Z", "2026-11-24T01:00:00Z"],
    );
    check("utc", "day", "2026-11-23T00:00:00Z", &["2026-11-24T00:00:00Z"]);
    check("utc", "week", "2026-11-23T00:00:00Z", &["2026-11-30T00:00:00Z"]);
    check("utc", "week", "2026-11-22T23:59:59Z", &["2026-11-23T00:00:00Z"]);
    check(
        "utc",
        "0 0 29 2 *",
        "2026-01-01T00:00:00Z",
        &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
    );
    check("utc", "0 0 29 2 *", "2096-02-29T00:00:00Z", &["2104-02-29T00:00:00Z"]);
    // Clocks go from 02:00 to 03:00 and, in autumn, back.
    check(
        "Europe/Berlin",
        "hour",
        "2026-03-28T23:30:00Z",
        &["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"],
    );
    check(
        "Europe/Berlin",
        "hour",
        "2026-10-24T23:30:00Z",
        &["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
    );
    check(
        "Europe/Berlin",
        "day",
        "2026-03-28T12:00:00Z",
        &["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"],
    );
    check(
        "Europe/Berlin",
        "30 2 * * *",
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    );
    check(
        "Europe/Berlin",
        "30 2 * * *",
        "2026-10-24T12:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    );
    check(
        "Europe/Berlin",
        "30 * * * *",
        "2026-10-25T00:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"],
    );
    // From within the hour that comes again.
    check("Europe/Berlin", "30 2 * * *", "2026-10-25T01:10:00Z", &["2026-10-26T01:30:00Z"]);
    // By half an hour: 02:00 to 02:30, and 02:00 to 01:30.
    check(
        "Australia/Lord_Howe",
        "hour",
        "2026-10-03T14:45:00Z",
        &["2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z", "2026-10-03T17:00:00Z"],
    );
    check(
        "Australia/Lord_Howe",
        "hour",
        "2026-04-04T13:30:00Z",
        &["2026-04-04T14:00:00Z", "2026-04-04T15:30:00Z", "2026-04-04T16:30:00Z"],
    );
    check(
        "Asia/Kathmandu",
        "hour",
        "2026-11-23T22:59:59Z",
        &["2026-11-23T23:15:00Z", "2026-11-24T00:15:00Z"],
    );
    check("Asia/Kathmandu", "day", "2026-11-23T00:00:00Z", &["2026-11-23T18:15:00Z"]);
    // Midnight is skipped, and midnight comes twice.
    check(
        "America/Havana",
        "day",
        "2026-03-07T12:00:00Z",
        &["2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"],
    );
    check(
        "America/Havana",
        "day",
        "2026-10-31T12:00:00Z",
        &["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"],
    );
    // 23:00 comes twice, and midnight only after the second.
    check(
        "America/Sao_Paulo",
        "day",
        "2018-02-17T12:00:00Z",
        &["2018-02-18T03:00:00Z", "2018-02-19T03:00:00Z"],
    );
    // There was no 30 December 2011.
    check(
        "Pacific/Apia",
        "day",
        "2011-12-29T12:00:00Z",
        &["2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"],
    );
    check(
        "Pacific/Apia",
        "0 12 30 12 *",
        "2011-12-29T12:00:00Z",
        &["2011-12-30T10:00:00Z", "2012-12-29T22:00:00Z"],
    );
    // The 18 October 1867 came twice to what Russia sold.
    check(
        "America/Sitka",
        "day",
        "1867-10-16T18:00:00Z",
        &["1867-10-17T09:01:13Z", "1867-10-18T09:01:13Z", "1867-10-20T09:01:13Z"],
    );
    check("utc", "day", "1969-12-31T23:59:58Z", &["1970-01-01T00:00:00Z"]);
    check("utc", "hour", "1969-12-31T21:00:00Z", &["1969-12-31T22:00:00Z"]);
    check("utc", "day", "2038-01-19T03:14:07Z", &["2038-01-20T00:00:00Z"]);
    check("Europe/Berlin", "day", "2200-06-30T12:00:00Z", &["2200-06-30T22:00:00Z"]);
}

#[test]
fn fractions_and_ends_of_time() {
    let day = schedule("day", "utc");
    let nanos = Timestamp::from_unix_nanos;
    let check = |after: i64, expect: Option<i64>| {
        assert_eq!(day.next_after(nanos(after)), expect.map(nanos));
    };
    check(-1, Some(0));
    check(0, Some(DAY * 1_000_000_000));
    check(DAY * 1_000_000_000 - 1, Some(DAY * 1_000_000_000));
    check(-DAY * 1_000_000_000 - 1, Some(-DAY * 1_000_000_000));
    check(i64::MAX, None);
    check(
        i64::MAX - DAY * 1_000_000_000,
        Some((i64::MAX / 1_000_000_000) / DAY * DAY * 1_000_000_000),
    );
    assert!(day.next_after(nanos(i64::MIN)).is_some());
    for zone in ["Europe/Berlin", "Pacific/Kiritimati", "Pacific/Niue", "local"] {
        let zone = schedule("0 0 29 2 *", zone);
        assert_eq!(zone.next_after(nanos(i64::MAX)), None);
        assert!(zone.next_after(nanos(i64::MIN)).is_some());
    }
}

/// What clocks do at one second, by which a schedule can be checked without looking ahead.
struct Second {
    shown: DateTime,
    /// The second that would have been shown had the clocks not been changed.
    unchanged: DateTime,
    /// Whether the same was shown before.
    again: bool,
}

impl Second {
    fn new(zone: &TimeZone, seconds: i64) -> Second {
        let time = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
        let shown = zone.to_datetime(time(seconds));
        let again = match zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Fold { before, .. } => before != zone.to_offset(time(seconds)),
            _ => false,
        };
        let unchanged = zone.to_datetime(time(seconds - 1)) + jiff::SignedDuration::from_secs(1);
        Second { shown, unchanged, again }
    }

    fn is_boundary(&self, means: fn(DateTime) -> bool, repeats: bool) -> bool {
        let means = |shown: DateTime| shown.second() == 0 && means(shown);
        let mut skipped = self.unchanged;
        while skipped < self.shown {
            if means(skipped) {
                return true;
            }
            skipped += jiff::SignedDuration::from_secs(1);
        }
        means(self.shown) && (repeats || !self.again)
    }
}

/// What a schedule says, whether times that come again count, and the times it means.
type Meaning = (&'static str, bool, fn(DateTime) -> bool);

const MEANINGS: [Meaning; 6] = [
    ("hour", true, |shown| shown.minute() == 0),
    ("day", false, |shown| (shown.hour(), shown.minute()) == (0, 0)),
    ("week", false, |shown| {
        (shown.hour(), shown.minute()) == (0, 0) && shown.weekday() == jiff::civil::Weekday::Monday
    }),
    ("30 2 * * *", false, |shown| (shown.hour(), shown.minute()) == (2, 30)),
    ("*/20 0-3 * * *", false, |shown| shown.hour() < 4 && shown.minute() % 20 == 0),
    ("*/7 */2 1-7 * sun", true, |shown| {
        shown.minute() % 7 == 0
            && shown.hour() % 2 == 0
            && (shown.day() < 8 || shown.weekday() == jiff::civil::Weekday::Sunday)
    }),
];

/// Compares what schedules give with what each second from `from` to `to` says, in steps.
fn compare(zone: &str, from: i64, to: i64, step: usize) -> usize {
    let tz = TimeZone::get(zone).unwrap();
    let seconds: Vec<_> =
        (from..=to).step_by(step).map(|second| (second, Second::new(&tz, second))).collect();
    let mut boundaries = 0;
    for (every, repeats, means) in MEANINGS {
        let schedule = schedule(every, zone);
        let mut at = from - 1;
        for (second, _) in seconds.iter().filter(|(_, second)| second.is_boundary(means, repeats)) {
            let found = next(&schedule, at).unwrap();
            assert_eq!(show(found), show(*second), "{every} in {zone} after {}", show(at));
            // From anywhere on the way it is the same one.
            for on_the_way in [at + (second - 1 - at) / 2, second - 1] {
                assert_eq!(next(&schedule, on_the_way), Some(*second));
            }
            at = *second;
            boundaries += 1;
        }
        assert!(next(&schedule, at).unwrap() > to, "{every} in {zone} after {}", show(at));
    }
    boundaries
}

const ZONES: [&str; 12] = [
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Havana",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Pacific/Apia",
    "UTC",
];

#[test]
fn every_change_of_several_zones_minute_by_minute() {
    let mut changes = 0;
    let mut boundaries = 0;
    for zone in ZONES {
        let tz = TimeZone::get(zone).unwrap();
        let since: jiff::Timestamp = "1900-01-01T00:00:00Z".parse().unwrap();
        let until: jiff::Timestamp = "2040-01-01T00:00:00Z".parse().unwrap();
        for change in tz.following(since).take_while(|change| change.timestamp() < until) {
            let at = change.timestamp().as_second();
            let before = tz.to_offset(jiff::Timestamp::from_second(at - 1).unwrap());
            // Local minutes begin at other seconds where offsets have some.
            let whole = [before, change.offset()].iter().all(|offset| offset.seconds() % 60 == 0);
            let (around, step) = if whole { (14 * 3600, 60) } else { (5400, 1) };
            let from = (at - around).div_euclid(MINUTE) * MINUTE;
            boundaries += compare(zone, from, at + around, step);
            changes += 1;
        }
    }
    assert!(changes >= 1_400 && boundaries > 100_000, "{changes} changes, {boundaries} boundaries");
}

#[test]
fn random_stretches_minute_by_minute() {
    let mut random = fastrand::Rng::with_seed(19);
    for _ in 0..100 {
        let zone = random.choice(ZONES).unwrap();
        // Clocks have run on whole minutes since 1972 everywhere.
        let from = random.i64(63_072_000 / MINUTE..9_000_000_000 / MINUTE) * MINUTE;
        compare(zone, from, from + 2 * DAY, 60);
    }
}

#[test]
fn random_times_have_a_later_boundary_and_none_between() {
    let mut random = fastrand::Rng::with_seed(23);
    let zones = ZONES.map(|zone| (zone, TimeZone::get(zone).unwrap()));
    let schedules = ZONES.map(|zone| MEANINGS.map(|(every, ..)| schedule(every, zone)));
    for _ in 0..100_000 {
        let (of_zone, of_meaning) = (random.usize(..ZONES.len()), random.usize(..MEANINGS.len()));
        let schedule = &schedules[of_zone][of_meaning];
        let (zone, tz) = &zones[of_zone];
        let (every, repeats, means) = MEANINGS[of_meaning];
        let is_boundary = |second| Second::new(tz, second).is_boundary(means, repeats);
        let after = random.i64(-9_223_372_036..9_190_000_000);
        let found = next(schedule, after).unwrap();
        let shown = || format!("{every} in {zone} after {}: {}", show(after), show(found));
        assert!(found > after && is_boundary(found), "{}", shown());
        let between = random.i64(after..found);
        assert_eq!(next(schedule, between), Some(found), "{}", shown());
        assert!(between == after || !is_boundary(between), "{}", shown());
    }
}

#[test]
fn a_zone_by_name_or_an_error_with_a_hint() {
    let check = |name: &str, expect: &str| {
        let error = Zone::parse(name).unwrap_err();
        let shown = error.to_string();
        assert!(
            error.is_config() && error.hint().is_some_and(|hint| hint.contains(expect)),
            "{shown}"
        );
        assert!(shown.contains(&format!("unknown time zone {name:?}")), "{shown}");
    };
    check("Berlin", "did you mean `Europe/Berlin`?");
    check("Europe/New_York", "did you mean `America/New_York`?");
    check("new york", "did you mean `America/New_York`?");
    check("Europe/Berlni", "expected `utc`, `local` or an IANA name");
    check("", "expected `utc`");
    check("+01:00", "expected `utc`");
    check("../../etc/passwd", "expected `utc`");
    check("/etc/passwd", "expected `utc`");
    check("Europe", "expected `utc`");
    check("\0", "expected `utc`");
    for name in ["utc", "UTC", "local", "Local", "Europe/Berlin", "europe/berlin", "Etc/GMT+5"] {
        assert!(Zone::parse(name).is_ok(), "{name}");
    }
    assert_eq!(Zone::parse("Etc/GMT+5").unwrap().offset(0), -5 * 3600);
}

const ASK_ZONE: &str = "PRISMA_LOG_FILE_TEST_ASK_ZONE";

/// Says what the local zone is if another test started it for that.
#[test]
fn one_local_zone() {
    if std::env::var_os(ASK_ZONE).is_some() {
        match Zone::parse("local") {
            Ok(zone) => println!("offset={};", zone.offset(1_795_478_398)),
            Err(error) => println!("offset={error};"),
        }
    }
}

#[test]
fn the_local_zone_is_what_the_environment_says() {
    let ask = |zone: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "schedule::tests::one_local_zone", "--nocapture"])
            .env(ASK_ZONE, "1")
            .env("TZ", zone)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, told) = text.split_once("offset=").unwrap();
        told.split_once(';').unwrap().0.to_owned()
    };
    let check = |zone: &str, expect: &str| assert_eq!(ask(zone), expect, "{zone}");
    check("", "0");
    check("UTC", "0");
    check("America/New_York", "-18000");
    check(":Asia/Kathmandu", "20700");
    check("AAA3BBB,M3.2.0,M11.1.0", "-10800");
    let wrong = ask("Nowhere/City");
    assert!(
        wrong.contains("the local time zone can't be read") && wrong.contains("`TZ`"),
        "{wrong}"
    );
}
