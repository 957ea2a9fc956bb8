//! A store with a flipped bit.

use std::fs;
use std::path::Path;
use std::time::Duration;

use prisma_log::monitor::{AlertFilter, Store};
use prisma_log::{Monitor, Rule};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Progress, Run, ask};
use crate::load::random;
use crate::needs;
use crate::report::Section;

pub(super) static ROW: Row = Row {
    name: "watch-bits",
    faults: "45",
    what: "a bit of the store is flipped",
    about: "A monitor has read half of a file and was stopped. In a copy of its store one bit is \
        flipped, each bit of the file's position, of the window and of the alert, and many elsewhere; \
        then the next monitor starts and reads the rest. Either it says that the store is damaged, or \
        the alert's count is as if nothing had happened. A count that differs without a word is a \
        silent skip.",
    needs: needs::nothing,
    run,
    child,
};

const LINES: u64 = 40;
/// Bits that are flipped by one child.
const PART: usize = 200;
const PATIENCE: Duration = Duration::from_secs(300);

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place("watch-bits")?;
    let text = |lines: std::ops::Range<u64>| -> String {
        lines.map(|n| format!("{{\"message\":\"work\",\"line\":{n}}}\n")).collect()
    };
    fs::write(place.log(), text(0..LINES / 2)).map_err(|error| error.to_string())?;
    let store = place.dir.join("whole.redb");
    ask(&place, ROW.name, "read", &[], PATIENCE)?;
    fs::write(place.log(), text(0..LINES)).map_err(|error| error.to_string())?;
    let bytes = fs::read(&store).map_err(|error| error.to_string())?;
    let mut bits = bits_of_rows(&bytes, &place.log());
    let of_rows = bits.len();
    let mut seed = 0xb175;
    bits.extend((0..run.pick(300, 20_000)).map(|_| random(&mut seed) as usize % (bytes.len() * 8)));
    if run.quick {
        bits = bits.into_iter().step_by(64).collect();
    }
    let mut progress = Progress::new("bits", bits.len() as u64);
    let (mut told, mut same, mut silent, mut panics) = (0, 0, 0, 0);
    for (done, part) in bits.chunks(PART).enumerate() {
        let list: Vec<String> = part.iter().map(usize::to_string).collect();
        fs::write(place.dir.join("bits"), list.join(" ")).map_err(|error| error.to_string())?;
        let answer = ask(&place, ROW.name, "flip", &[], PATIENCE)?;
        told += got(&answer, "told");
        same += got(&answer, "same");
        silent += got(&answer, "silent");
        panics += got(&answer, "panics");
        progress.at((done * PART) as u64);
    }
    let mut section = Section::new();
    section.info("bits of rows that matter", of_rows);
    section.info("bits flipped, one at a time", bits.len());
    section.info("of them: said to be damage", told);
    section.info("of them: made no difference", same);
    section.zero("of them: lines silently skipped or counted twice", silent);
    section.zero("panics that got out", panics);
    section.holds("each was either", told + same + silent + panics == bits.len() as u64);
    Ok(section)
}

/// All bits around where the store has the file's path: its position, clock and what is near.
fn bits_of_rows(bytes: &[u8], log: &Path) -> Vec<usize> {
    let name = log.as_os_str().as_encoded_bytes();
    let mut bits = Vec::new();
    for at in memchr::memmem::find_iter(bytes, name) {
        let (from, to) = (at.saturating_sub(64), (at + name.len() + 192).min(bytes.len()));
        bits.extend(from * 8..to * 8);
    }
    bits.sort_unstable();
    bits.dedup();
    bits
}

fn rule() -> Result<Rule, String> {
    let rule = Rule::builder("work").message("^work$").resolve_after(Duration::from_secs(86_400));
    rule.build().map_err(|error| error.to_string())
}

/// Reads what is there; whether anything was said to be wrong.
fn read(log: &Path, store: &Path) -> Result<bool, String> {
    let monitor = Monitor::builder()
        .rules([rule()?])
        .file(log)
        .store(store)
        .from_start(true)
        .until_idle(Duration::from_millis(1))
        .start();
    Ok(monitor.and_then(Monitor::wait).map_or(true, |report| report.errors > 0))
}

fn child(call: &Call) -> Result<Value, String> {
    let (log, whole) = (call.place.log(), call.place.dir.join("whole.redb"));
    if call.role == "read" {
        return match read(&log, &whole)? {
            true => Err("the whole store is damaged".to_owned()),
            false => Ok(Value::Null),
        };
    }
    let bytes = fs::read(&whole).map_err(|error| error.to_string())?;
    let bits =
        fs::read_to_string(call.place.dir.join("bits")).map_err(|error| error.to_string())?;
    let copy = call.place.dir.join("copy.redb");
    let (mut told, mut same, mut silent, mut panics) = (0, 0, 0, 0);
    for bit in bits.split(' ') {
        let bit: usize = bit.parse().map_err(|_| format!("`{bit}` is no bit"))?;
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&copy, &bytes).map_err(|error| error.to_string())?;
        let Ok(damaged) = std::panic::catch_unwind(|| read(&log, &copy)) else {
            panics += 1;
            continue;
        };
        if damaged? {
            told += 1;
            continue;
        }
        let alerts = Store::open_existing(&copy).and_then(|store| store.list(&AlertFilter::all()));
        match alerts.as_deref() {
            Err(_) => told += 1,
            Ok([alert]) if alert.count == LINES => same += 1,
            Ok(_) => {
                eprintln!(
                    "bit {bit}: {:?}",
                    alerts.map(|a| a.iter().map(|a| a.count).sum::<u64>())
                );
                silent += 1;
            }
        }
    }
    Ok(json!({ "told": told, "same": same, "silent": silent, "panics": panics }))
}
