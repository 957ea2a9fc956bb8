use super::*;

#[test]
fn what_each_form_means() {
    let check = |text: &str, minutes: u64, hours: u64, days: u64, months: u64, weekdays: u64| {
        let times = text.parse::<CronSchedule>().unwrap().times();
        let found = [times.minutes, times.hours, times.days, times.months, times.weekdays];
        assert_eq!(found, [minutes, hours, days, months, weekdays], "{text}");
    };
    let (minutes, hours, days) = (bits(0, 59), bits(0, 23), bits(1, 31));
    let (months, weekdays) = (bits(1, 12), bits(0, 6));
    check("* * * * *", minutes, hours, days, months, weekdays);
    check("0 0 * * *", 1, 1, days, months, weekdays);
    check("  5\t7  * * * ", 1 << 5, 1 << 7, days, months, weekdays);
    check("59 23 31 12 6", 1 << 59, 1 << 23, 1 << 31, 1 << 12, 1 << 6);
    check("*/15 * * * *", 1 | 1 << 15 | 1 << 30 | 1 << 45, hours, days, months, weekdays);
    check("*/59 * * * *", 1 | 1 << 59, hours, days, months, weekdays);
    check("10-20/5,3 * * * *", 1 << 3 | 1 << 10 | 1 << 15 | 1 << 20, hours, days, months, weekdays);
    check("007 * * * *", 1 << 7, hours, days, months, weekdays);
    check("0 0 1,15 jan-mar *", 1, 1, 1 << 1 | 1 << 15, bits(1, 3), weekdays);
    check("0 0 * JAN,Dec Mon-Fri", 1, 1, days, 1 << 1 | 1 << 12, bits(1, 5));
    check("0 0 * * 7", 1, 1, days, months, 1);
    check("0 0 * * 5-7", 1, 1, days, months, 1 | 1 << 5 | 1 << 6);
    check("0 0 * * 0-7", 1, 1, days, months, weekdays);
    check("0 0 * * */2", 1, 1, days, months, 1 | 1 << 2 | 1 << 4 | 1 << 6);
    check("0 0 * * */7", 1, 1, days, months, 1);
    check("0 0 29 2 *", 1, 1, 1 << 29, 1 << 2, weekdays);
    check("@hourly", 1, hours, days, months, weekdays);
    check("@daily", 1, 1, days, months, weekdays);
    check("@midnight", 1, 1, days, months, weekdays);
    check("@Weekly", 1, 1, days, months, 1);
    check("@monthly", 1, 1, 1 << 1, months, weekdays);
    check("@yearly", 1, 1, 1 << 1, 1 << 1, weekdays);
    check(" @annually ", 1, 1, 1 << 1, 1 << 1, weekdays);
    assert_eq!("0 * * * *".parse::<CronSchedule>().unwrap().times(), Times::HOURLY);
    assert_eq!("0 0 * * *".parse::<CronSchedule>().unwrap().times(), Times::DAILY);
    assert_eq!("0 0 * * mon".parse::<CronSchedule>().unwrap().times(), Times::FROM_MONDAY);
}

#[test]
fn an_error_says_field_column_and_what_was_expected() {
    let check = |text: &str, column: usize, expect: &str| {
        let error = text.parse::<CronSchedule>().unwrap_err();
        let shown = error.to_string();
        assert!(error.is_config());
        assert!(
            shown.starts_with(&format!("cron expression {text:?}, column {column}: ")),
            "{shown}"
        );
        assert!(shown.contains(expect), "{shown}");
    };
    check("60 * * * *", 1, "minute: found \"60\", expected 0 to 59");
    check("0 24 * * *", 3, "hour: found \"24\", expected 0 to 23");
    check("0 0 0 * *", 5, "day of the month: found \"0\", expected 1 to 31");
    check("0 0 32 * *", 5, "day of the month: found \"32\", expected 1 to 31");
    check("0 0 * 13 *", 7, "month: found \"13\", expected 1 to 12 or jan to dec");
    check("0 0 * january *", 7, "month: found \"january\"");
    check("0 0 * * 8", 9, "day of the week: found \"8\", expected 0 to 7 or sun to sat");
    check("0 0 * * mon,tus", 13, "day of the week: found \"tus\"");
    check("0  0 *   * x", 12, "day of the week: found \"x\"");
    check("1,,2 * * * *", 3, "minute: found nothing, expected 0 to 59");
    check(", * * * *", 1, "found nothing");
    check("1-,2 * * * *", 3, "found nothing");
    check("-1 * * * *", 1, "found nothing");
    check("+1 * * * *", 1, "found \"+1\"");
    check("1-2-3 * * * *", 3, "found \"2-3\"");
    check("*/0 * * * *", 3, "minute: found \"0\", expected a step from 1 to 59");
    check("*/60 * * * *", 3, "expected a step from 1 to 59");
    check("*/ * * * *", 3, "found nothing, expected a step");
    check("*/2/3 * * * *", 3, "found \"2/3\"");
    check("*5 * * * *", 1, "found \"*5\"");
    check("5/15 * * * *", 2, "did you mean `5-59/15`?");
    check("20-10 * * * *", 1, "the range \"20-10\" ends before it begins");
    check("0 0 * * sat-sun", 9, "two ranges");
    check("0 0 30 2 *", 5, "no month of \"2\" has a day \"30\"");
    check("0 0 31 feb,apr,jun,sep,nov *", 5, "a day that comes");
    check("0 0 31 2 */2", 5, "a day that comes");
    check("", 1, "0 fields, expected 5");
    check("0", 2, "1 field, expected 5");
    check("0 0 * *", 8, "4 fields, expected 5");
    check(
        "0 0 0 * * *",
        11,
        "6 fields, expected 5 (minute, hour, day of the month, month, day of the week; there are no seconds)",
    );
    check("@fortnightly", 1, "expected @hourly");
    check("@reboot", 1, "on_start");
    check("@daily *", 9, "2 fields");
    check("ä é * * *", 1, "found \"ä\"");
    check("0 é * * *", 3, "found \"é\"");
    check("0 0 ä,é * *", 5, "found \"ä\"");
    check("99999999999999999999 * * * *", 1, "expected 0 to 59");
    check("٣ * * * *", 1, "found \"٣\"");
    check("0 0 1 1 ?", 9, "found \"?\"");
    check("0 0 L * *", 5, "found \"L\"");
    // A day of the week makes the other day field harmless.
    assert!("0 0 30 2 mon".parse::<CronSchedule>().is_ok());
}

#[test]
fn no_text_whatever_panics() {
    let mut random = fastrand::Rng::with_seed(3);
    let pieces = ["*", "/", "-", ",", " ", "0", "7", "59", "sun", "feb", "@", "é", "\t", "31"];
    for _ in 0..100_000 {
        let text: String =
            (0..random.usize(0..16)).map(|_| random.choice(pieces).unwrap()).collect();
        if let Ok(schedule) = text.parse::<CronSchedule>() {
            assert_eq!(schedule.to_string().parse::<CronSchedule>().unwrap(), schedule);
        }
    }
}

#[test]
fn both_day_fields_mean_either() {
    let check = |text: &str, expect: &[i8]| {
        let times = text.parse::<CronSchedule>().unwrap().times();
        // November 2026 begins with a Sunday.
        let days = (1..=30).filter(|&day| times.has_day(jiff::civil::date(2026, 11, day)));
        assert_eq!(days.collect::<Vec<_>>(), expect, "{text}");
    };
    check("0 0 13 * fri", &[6, 13, 20, 27]);
    check("0 0 1,10 * fri", &[1, 6, 10, 13, 20, 27]);
    check("0 0 * * fri", &[6, 13, 20, 27]);
    check("0 0 13 * *", &[13]);
    check("0 0 */10 * mon", &[]);
    check("0 0 */10 * sat", &[21]);
    check("0 0 1-31/10 * mon", &[1, 2, 9, 11, 16, 21, 23, 30]);
    check("0 0 13 * */6", &[]);
    check("0 0 13 12 fri", &[]);
}

#[test]
fn the_first_time_is_found_as_by_trying_each() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut found = 0;
    for _ in 0..300 {
        let mut field = |most: u32, least: u32| match random.u8(0..4) {
            0 => "*".to_owned(),
            1 => random.u32(least..=most).to_string(),
            2 => format!("*/{}", random.u32(1..=most)),
            _ => format!("{},{}", random.u32(least..=most), random.u32(least..=most)),
        };
        let text = format!("{} {} {} * {}", field(59, 0), field(23, 0), field(31, 1), field(7, 0));
        let times = text.parse::<CronSchedule>().unwrap().times();
        let from = jiff::civil::date(2026, random.i8(1..=12), random.i8(1..=28)).at(
            random.i8(0..24),
            random.i8(0..60),
            random.i8(0..60),
            0,
        );
        let end = from + random.i64(0..4000).minutes();
        let mut tried = from;
        let expect = loop {
            if tried >= end {
                break None;
            }
            let meant = tried.second() == 0
                && has(times.minutes, tried.minute())
                && has(times.hours, tried.hour())
                && times.has_day(tried.date());
            if meant {
                break Some(tried);
            }
            tried = tried + (60 - i64::from(tried.second())).seconds();
        };
        assert_eq!(times.first_within(from, end), expect, "{text} from {from} to {end}");
        found += usize::from(expect.is_some());
    }
    assert!((50..250).contains(&found), "{found} found");
}
