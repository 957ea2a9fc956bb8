//! Values that are too long, and values that are too deep.

use std::fmt;
use std::time::{Duration, Instant};

use prisma_log::{info, o};
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::{Value, json};
use slog::Serde;

use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::lines::{Log, number};
use crate::needs;
use crate::ours::{self, Logger, Options};
use crate::report::{Section, quantile, thousands};
use crate::{load, os};

pub(crate) static ROW: Row = Row {
    name: "huge",
    faults: "24",
    what: "values that print 100 MB",
    about: "A `Display` writes 100 MB in pieces of 64 KiB; half of them stop when told to, half go on \
        whatever they are told. The record is cut at 64 KiB and says by how much.",
    needs: needs::nothing,
    run: run_huge,
    child,
};

pub(crate) static DEEP: Row = Row {
    name: "deep",
    faults: "28",
    what: "values nested a million deep, and a thousand ancestors of a logger",
    about: "Sequences, maps, options and newtypes nested 1,000,000 deep, logged by a thread with a \
        stack of 256 KiB; then a logger with 1,000 ancestors, each with a key-value of its own.",
    needs: needs::nothing,
    run: run_deep,
    child,
};

const HUGE_BYTES: u64 = 100_000_000;
const CAP_BYTES: u64 = 64 << 10;
/// What a line may have beyond the record's own bytes: envelope and escapes.
const ENVELOPE_BYTES: u64 = 4 << 10;

fn run_huge(run: &Run) -> Result<Section, String> {
    let place = run.place("huge")?;
    let records: u64 = run.pick(20, 1_000);
    let limit = Duration::from_secs(600);
    let answer = ask(&place, ROW.name, "huge", &[&records.to_string()], limit)?;
    let (mut longest, mut cut) = (0, 0);
    let log = Log::read_from(&place.log(), 0, |line| {
        if number(line, b"\"r\":") == Some(1) {
            longest = longest.max(line.len() as u64);
            cut += u64::from(number(line, b"\"truncated\":").is_some_and(|bytes| bytes > 0));
        }
    })?;
    let mut section = Section::new();
    section.info("records", thousands(records));
    section.zero("records lost", log.stream(1, 0).missing(records));
    section.equals("records that say how much was cut", records, cut);
    let limit = (CAP_BYTES + ENVELOPE_BYTES) as f64 / 1024.0;
    section.at_most("longest line", limit, longest as f64 / 1024.0, "KiB");
    let grown = got(&answer, "grown") as f64 / f64::from(1 << 20);
    section.at_most("most memory beyond that before", 1.0, grown, "MiB");
    let time = |key: &str| answer[key].as_f64().unwrap_or(f64::NAN);
    section.at_most("time of a call, p50", 20.0, time("p50"), "ms");
    section.info("time of a call, max", format!("{:.2} ms", time("max")));
    Ok(section)
}

fn run_deep(run: &Run) -> Result<Section, String> {
    let place = run.place("deep")?;
    let mut section = Section::new();
    let roles = ["sequence", "map", "option", "newtype", "loggers"];
    for (run, role) in roles.iter().enumerate() {
        let answer = ask(&place, DEEP.name, role, &[&run.to_string()], Duration::from_secs(120));
        let outcome = answer.err().unwrap_or_else(|| "went well".to_owned());
        section.check(*role, "went well", &outcome, outcome == "went well");
    }
    let log = Log::read(&place.log())?;
    let missing = |run| log.stream(run as u64, 0).missing(2);
    section.zero("records lost", (0..roles.len()).map(missing).sum());
    section.zero("lines torn or repeated", log.torn + log.repeated());
    Ok(section)
}

fn child(call: &Call) -> Result<Value, String> {
    let logging = ours::to_file(&call.place, &Options::default())?;
    let log = logging.logger("huge");
    if call.role == "huge" {
        return log_huge(&log, call.number(0)?);
    }
    let (role, run) = (call.role.clone(), call.number(0)?);
    let work = move || log_deep(&log, &role, run);
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(work);
    let thread = thread.map_err(|error| error.to_string())?;
    thread.join().map_err(|_| "the thread panicked")?;
    Ok(Value::Null)
}

struct Huge {
    stubborn: bool,
}

impl fmt::Display for Huge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static PIECE: [u8; 65_536] = [b'x'; 65_536];
        let piece = std::str::from_utf8(&PIECE).unwrap_or_default();
        let mut left = HUGE_BYTES as usize;
        while left > 0 {
            let part = &piece[..left.min(piece.len())];
            left -= part.len();
            let written = f.write_str(part);
            if !self.stubborn {
                written?;
            }
        }
        Ok(())
    }
}

fn log_huge(log: &Logger, records: u64) -> Result<Value, String> {
    // All of the queue is touched once, and one record of the largest size has passed.
    (0..300_000).for_each(|n| load::record(log, 0, 0, n));
    info!(log, "large"; "r" => 2, "v" => %"x".repeat(CAP_BYTES as usize));
    std::thread::sleep(Duration::from_millis(500));
    let before = os::most_memory_in_use();
    let mut times = Vec::with_capacity(records as usize);
    for n in 0..records {
        let value = Huge { stubborn: n % 2 == 0 };
        let begin = Instant::now();
        info!(log, "huge"; "r" => 1, "t" => 0, "n" => n, "v" => %value);
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let grown = os::most_memory_in_use() - before;
    let (p50, max) = (quantile(&mut times, 0.5), quantile(&mut times, 1.0));
    Ok(json!({ "grown": grown, "p50": p50, "max": max }))
}

/// How a value contains the next.
#[derive(Clone, Copy)]
enum Nest {
    Sequence,
    Map,
    Option,
    Newtype,
}

#[derive(Clone, Copy)]
struct Deep(Nest, u32);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(left) = self.1.checked_sub(1) else { return serializer.serialize_unit() };
        let inner = Deep(self.0, left);
        match self.0 {
            Nest::Sequence => {
                let mut sequence = serializer.serialize_seq(Some(1))?;
                sequence.serialize_element(&inner)?;
                sequence.end()
            }
            Nest::Map => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("k", &inner)?;
                map.end()
            }
            Nest::Option => serializer.serialize_some(&inner),
            Nest::Newtype => serializer.serialize_newtype_struct("N", &inner),
        }
    }
}

fn log_deep(log: &Logger, role: &str, run: u64) {
    let nest = match role {
        "sequence" => Nest::Sequence,
        "map" => Nest::Map,
        "option" => Nest::Option,
        "newtype" => Nest::Newtype,
        _ => return log_with_ancestors(log, run),
    };
    let value = Deep(nest, 1_000_000);
    info!(log, "deep"; "r" => run, "t" => 0, "n" => 0, "v" => Serde(value));
    load::record(log, run, 0, 1);
}

fn log_with_ancestors(log: &Logger, run: u64) {
    let mut youngest = log.clone();
    for ancestor in 0..1_000_u64 {
        youngest = youngest.new(o!("ancestor" => ancestor));
    }
    info!(youngest, "deep"; "r" => run, "t" => 0, "n" => 0);
    load::record(log, run, 0, 1);
    // Dropping it recurses in slog, which is not what is tried here.
    std::mem::forget(youngest);
}
