//! Signals: one that ends the process, and one that interrupts it while it logs.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use prisma_log::{BatchError, Durability, Error, Filter, Record, Sink, Value as Field};
use serde_json::{Value, json};

use super::{Row, got, recover};
use crate::kid::{Call, Kid, Run, ask};
use crate::lines::{Log, Seen};
use crate::needs;
use crate::oracle::Oracle;
use crate::ours::{self, Before, Emergency, Options};
use crate::report::{Section, quantile, thousands};
use crate::{load, os};

pub(crate) static TERMINATE: Row = Row {
    name: "terminate",
    faults: "2",
    what: "SIGTERM and SIGINT with a slow sink and the opt-in handler",
    about: "The sink takes 200 µs for a record; the process is told to end while 2,000 wait. The \
        handler drains, and the process dies of the signal that it was sent; what was acknowledged \
        before the signal is in the file then, what the program logs meanwhile after the next start.",
    needs: needs::nothing,
    run: terminate,
    child,
};

pub(crate) static HANDLER: Row = Row {
    name: "signal-handler",
    faults: "8",
    what: "a signal handler that logs, interrupting threads that log",
    about: "Two threads log as fast as they can; SIGALRM interrupts each of them 1,000 times a second \
        in a short run, 20,000 times in a whole one. Its handler writes an emergency record, which takes no lock and no memory. \
        When all slots are taken the handler is told so.",
    needs: needs::nothing,
    run: handler,
    child,
};

fn terminate(run: &Run) -> Result<Section, String> {
    let place = run.place("terminate")?;
    let mut lost = 0;
    let mut wrong = 0;
    let mut damaged = 0;
    let mut times = Vec::new();
    let rounds = run.pick(3, 50);
    for round in 0..rounds {
        place.clear()?;
        let oracle = Oracle::open(&place.ring.join("oracle"))?;
        let mut kid = Kid::start(&place, TERMINATE.name, "slow", &[])?;
        while oracle.get(0) < 2_000 && kid.is_running() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let signal = if round % 2 == 0 { libc::SIGTERM } else { libc::SIGINT };
        let acknowledged = oracle.get(0);
        os::signal(kid.pid(), signal);
        let begin = Instant::now();
        let ended = kid.wait(Duration::from_secs(60))?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
        let ended_by = std::os::unix::process::ExitStatusExt::signal(&ended.status);
        wrong += u64::from(ended_by != Some(signal));
        let log = Log::read(&place.log())?;
        lost += log.stream(0, 0).missing(acknowledged);
        recover(&place)?;
        let log = Log::read(&place.log())?;
        damaged += log.torn + log.repeated() + place.rings_left();
        damaged += log.stream(0, 0).missing(oracle.get(0));
    }
    let mut section = Section::new();
    section.info("rounds", rounds);
    let what = "acknowledged before the signal, and not in the file when the process was gone";
    section.zero(what, lost);
    section.zero("lost, torn or repeated after the next start", damaged);
    section.zero("processes that did not die of the signal", wrong);
    section.info("from signal to end, p50", format!("{:.0} ms", quantile(&mut times, 0.5)));
    section.at_most("from signal to end, p99", 5_500.0, quantile(&mut times, 0.99), "ms");
    Ok(section)
}

fn handler(run: &Run) -> Result<Section, String> {
    let place = run.place("handler")?;
    let (signals, micros) = run.pick(("2000", "1000"), ("1000000", "50"));
    let limit = Duration::from_secs(300);
    let answer = ask(&place, HANDLER.name, "handler", &[signals, micros], limit)?;
    let count = |key: &str| got(&answer, key);
    let mut section = Section::new();
    section.info("signals", thousands(count("signals")));
    section.info("of them told that no slot is free", thousands(count("refused")));
    section.holds("emergency records accepted", count("accepted") > 0);
    section.equals("emergency records in the sink", count("accepted"), count("alarms"));
    section.info("other records", thousands(count("records")));
    section.zero("other records lost", count("lost"));
    section.zero("records repeated", count("repeated"));
    Ok(section)
}

fn child(call: &Call) -> Result<Value, String> {
    match call.role.as_str() {
        "slow" => slow(call),
        "handler" => log_and_be_interrupted(call),
        _ => Err(call.unknown()),
    }
}

fn slow(call: &Call) -> Result<Value, String> {
    let oracle = Oracle::open(&call.place.ring.join("oracle"))?;
    let options = Options { flush_on_signals: true, ..Options::default() };
    let sink = Before(ours::pause(Duration::from_micros(200)), ours::file(&call.place)?);
    let builder = ours::builder(&call.place, &options).sink("file", Filter::default(), sink);
    let logging = ours::build(builder)?;
    let log = logging.logger("terminate");
    for n in 0.. {
        load::record(&log, 0, 0, n);
        oracle.set(0, n + 1);
        if n >= 2_000 {
            // Little enough for the queue to drain in time.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(Value::Null)
}

static EMERGENCY: OnceLock<Emergency> = OnceLock::new();
static SIGNALS: AtomicU64 = AtomicU64::new(0);
static ACCEPTED: AtomicU64 = AtomicU64::new(0);

extern "C" fn on_alarm(_signal: i32) {
    let mut text = [0; 32];
    let number = SIGNALS.fetch_add(1, Ordering::Relaxed);
    let mut rest = &mut text[..];
    // Formatting a number into a buffer takes no memory; the buffer is long enough.
    let _ = write!(rest, "alarm {number}");
    let left = rest.len();
    let text = std::str::from_utf8(&text[..32 - left]).unwrap_or_default();
    if EMERGENCY.get().is_some_and(|emergency| ours::write_emergency(emergency, text)) {
        ACCEPTED.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Tally {
    threads: [Seen; 2],
    alarms: Seen,
}

/// Counts: at full speed for a minute, a file would fill the disk.
struct Count(Arc<Mutex<Tally>>);

impl Sink for Count {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for record in batch {
            let number = |key| match record.fields.get(key) {
                Some(Field::U64(number)) => Some(number),
                _ => None,
            };
            if let (Some(thread), Some(n)) = (number("t"), number("n")) {
                tally.threads[thread as usize].add(n);
            } else if let Some(n) = record.message.strip_prefix("alarm ") {
                tally.alarms.add(n.parse().unwrap_or_default());
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

fn log_and_be_interrupted(call: &Call) -> Result<Value, String> {
    let (signals, micros) = (call.number(0)?, call.number(1)?);
    let tally = Arc::new(Mutex::new(Tally::default()));
    let builder = ours::builder(&call.place, &Options::default());
    let sink = Count(Arc::clone(&tally));
    let logging = ours::build(builder.sink("count", Filter::default(), sink))?;
    let log = logging.logger("handler");
    EMERGENCY.set(ours::emergency(&logging)?).map_err(|_| "set twice")?;
    let stop = AtomicBool::new(false);
    let period = Duration::from_micros(micros);
    os::on_alarm(on_alarm);
    let work = |thread| {
        if let Err(error) = os::interrupt_this_thread_every(period) {
            eprintln!("{error}");
        }
        let mut n = 0;
        while !stop.load(Ordering::Relaxed) {
            load::record(&log, 0, thread, n);
            n += 1;
        }
        os::keep_alarms_from_this_thread();
        n
    };
    let begin = Instant::now();
    let counts = std::thread::scope(|scope| {
        let threads = [scope.spawn(|| work(0)), scope.spawn(|| work(1))];
        while SIGNALS.load(Ordering::Relaxed) < signals && begin.elapsed().as_secs() < 120 {
            std::thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap_or_default())
    });
    if !ours::flush(&logging, Duration::from_secs(60)) {
        return Err("a flush of a minute did not get through".to_owned());
    }
    let signals = SIGNALS.load(Ordering::Relaxed);
    let accepted = ACCEPTED.load(Ordering::Relaxed);
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let lost: u64 = tally.threads.iter().zip(counts).map(|(seen, count)| seen.missing(count)).sum();
    let threads = tally.threads.iter().map(|seen| seen.repeated).sum::<u64>();
    Ok(
        json!({ "signals": signals, "accepted": accepted, "refused": signals - accepted, "alarms": tally.alarms.distinct,
               "records": counts[0] + counts[1], "lost": lost,
               "repeated": threads + tally.alarms.repeated }),
    )
}
