//! Patterns and lines that were made to take long.

use std::fs;
use std::time::{Duration, Instant};

use prisma_log::{Monitor, Rule};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::needs;
use crate::os;
use crate::report::Section;

pub(super) static ROW: Row = Row {
    name: "watch-evil",
    faults: "29",
    what: "a hundred evil patterns and lines of a megabyte",
    about: "A hundred patterns that backtracking engines take exponential time for, on lines of \
        1 MiB that nearly match them. The monitor reads them from a file. A pattern must take a line \
        no longer than 10 ms, all hundred no longer than a hundred times that, and memory must \
        not grow.",
    needs: needs::nothing,
    run,
    child,
};

const PATTERNS: u64 = 100;
const LINE_BYTES: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(600);

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place("watch-evil")?;
    let lines = run.pick(8, 160);
    let mut text = Vec::new();
    for line in 0..lines {
        let unit: &[u8] = [&b"a"[..], b"x", b"ab", b"0", b"a.b@", b"  ", b"aA", b"foo "][line % 8];
        text.extend(unit.iter().cycle().take(LINE_BYTES));
        text.extend_from_slice(b"!\n");
    }
    fs::write(place.log(), text).map_err(|error| error.to_string())?;
    let mut section = Section::new();
    section.info("lines of 1 MiB", lines);
    let mut worst: f64 = 0.0;
    for pattern in (0..PATTERNS).step_by(run.pick(7, 1)) {
        let number = pattern.to_string();
        let answer = ask(&place, ROW.name, "watch", &[&number], PATIENCE)?;
        worst = worst.max(answer["millis"].as_f64().unwrap_or(f64::MAX));
    }
    let answer = ask(&place, ROW.name, "watch", &["all"], PATIENCE)?;
    let all = answer["millis"].as_f64().unwrap_or(f64::MAX);
    let times = [
        ("the slowest pattern, time a line", worst, 10.0),
        ("all hundred patterns, time a line", all, 1_000.0),
    ];
    for (what, millis, limit) in times {
        // A short run may share its processors with whatever else goes on.
        match run.quick {
            true => section.info(what, format!("{millis:.1} ms")),
            false => section.at_most(what, limit, millis, "ms"),
        }
    }
    section.at_most("peak memory", 256.0, got(&answer, "rss_kib") as f64 / 1024.0, "MiB");
    Ok(section)
}

fn evil(number: u64) -> String {
    let n = number / 20 + 2;
    match number % 20 {
        0 => format!("(a+)+{{{n}}}b"),
        1 => format!("(a|aa)+{{{n}}}b"),
        2 => format!("(.*a){{{}}}b", n * 4),
        3 => format!("(x+x+)+{{{n}}}y"),
        4 => format!("([a-zA-Z]+)*{}$", "b".repeat(n as usize)),
        5 => format!("^(([a-z])+.)+[A-Z]([a-z])+{n}$"),
        6 => format!("(a|a?)+{n}c"),
        7 => format!("a.{{{}}}b", n * 40),
        8 => format!("[^ab]*a[^c]{{{}}}c", n * 20),
        9 => format!("^(\\w+\\s?)*{n}\\$"),
        10 => format!("(a*)*(a*)*{n}z"),
        11 => format!("(?:(?:a{{1,{n}}}){{1,{n}}}){{1,9}}q"),
        12 => format!("^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){{{n}}}[a-z]$"),
        13 => format!("(foo|fo+|f.o)+{n}bar"),
        14 => format!("(0|[0-9]|00)+{n}x"),
        15 => format!("\\s+{n}$|(\\s|  )+{n}"),
        16 => format!("(?i)(a|b|ab)*{}", "c".repeat(n as usize)),
        17 => format!("[aA]+.*[aA]+.*[aA]+.*b{{{n}}}"),
        18 => format!("^(.+)+{n}@(.+)+$"),
        _ => format!("(.+)*(.+)*(.+)*{n}~"),
    }
}

fn child(call: &Call) -> Result<Value, String> {
    let which = call.text(0)?;
    let rule = |number: u64| {
        let rule = Rule::builder(format!("evil-{number}")).message(evil(number));
        rule.build().map_err(|error| format!("{error}"))
    };
    let rules = match which {
        "all" => (0..PATTERNS).map(rule).collect::<Result<Vec<_>, String>>()?,
        _ => vec![rule(call.number(0)?)?],
    };
    let idle = Duration::from_millis(20);
    let begin = Instant::now();
    let report = Monitor::builder()
        .rules(rules)
        .file(call.place.log())
        .from_start(true)
        .until_idle(idle)
        .start()
        .and_then(Monitor::wait)
        .map_err(|error| error.to_string())?;
    let seconds = begin.elapsed().saturating_sub(idle).as_secs_f64();
    let lines = report.lines.max(1) as f64;
    Ok(json!({
        "millis": seconds * 1e3 / lines,
        "rss_kib": os::most_memory_in_use() / 1024,
    }))
}
