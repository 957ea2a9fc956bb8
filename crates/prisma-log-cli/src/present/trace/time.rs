//! Durations for people.

use std::time::Duration;

/// Three digits and a unit, `850 ns`, `12.3 µs`, `1.50 ms`, `182 ms`, `3.42 s`, and above `2m 03s`,
/// `1h 02m`, `3d 04h`, `120 d`; never more than eight characters.
pub(super) fn shown(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0 ms".to_owned(),
        1..1_000 => format!("{nanos} ns"),
        // What would be rounded up to a thousand is one of the next unit.
        1_000..999_500 => digits(nanos as f64 / 1e3, "µs"),
        999_500..999_500_000 => digits(nanos as f64 / 1e6, "ms"),
        999_500_000..59_950_000_000 => digits(nanos as f64 / 1e9, "s"),
        _ => {
            let seconds = duration.as_secs_f64().round() as u64;
            let [minutes, hours, days] = [60, 3_600, 86_400].map(|unit| seconds / unit);
            match days {
                0 if hours == 0 => format!("{minutes}m {:02}s", seconds % 60),
                0 => format!("{hours}h {:02}m", minutes % 60),
                1..100 => format!("{days}d {:02}h", hours % 24),
                _ => format!("{days} d"),
            }
        }
    }
}

fn digits(number: f64, unit: &str) -> String {
    if number < 9.995 {
        format!("{number:.2} {unit}")
    } else if number < 99.95 {
        format!("{number:.1} {unit}")
    } else {
        format!("{number:.0} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        let check = |nanos: u64, expect: &str| {
            assert_eq!(shown(Duration::from_nanos(nanos)), expect, "{nanos}");
        };
        check(0, "0 ms");
        check(850, "850 ns");
        check(1_000, "1.00 µs");
        check(12_345, "12.3 µs");
        check(999_499, "999 µs");
        check(999_500, "1.00 ms");
        check(9_995_000, "10.0 ms");
        check(182_444_000, "182 ms");
        check(3_420_000_000, "3.42 s");
        check(59_940_000_000, "59.9 s");
        check(59_960_000_000, "1m 00s");
        check(123_400_000_000, "2m 03s");
        check(3_599_600_000_000, "1h 00m");
        check(3_720_000_000_000, "1h 02m");
        check(273_600_000_000_000, "3d 04h");
        check(u64::MAX, "213503 d");
    }
}
