//! What a child process measures.

use std::hint::black_box;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::allocations;
use crate::figures::{Figures, percentile};
use crate::logs::{Ids, Logs, Shape, Values};

/// Calls in one burst.
const BURST: usize = 1_000;
/// Calls that make one sample: the time stamp counter may step by 10 ns.
const SAMPLE: usize = 10;
/// Bursts, and single calls, that warm up.
const WARM_UP: usize = 5;
/// The pause between bursts, long enough for the slowest queue to drain.
const PAUSE: Duration = Duration::from_millis(15);
/// How long a logger is idle before the call that finds it asleep.
const IDLE: Duration = Duration::from_millis(10);

/// One question, and how much work to put into the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// The caller's time, in bursts.
    Latency { bursts: usize },
    /// The caller's time after a pause.
    Idle { calls: usize },
    /// Records a second until the file is complete.
    Throughput { threads: u32, records: u64 },
    /// The caller's time when the level is off.
    Disabled { calls: u64 },
    /// The caller's time for records of other shapes, in bursts.
    Shapes { bursts: usize },
    /// Allocations by the caller.
    Allocations { calls: u64 },
    /// So many calls in one function of their own, for a tool that counts instructions.
    Calls { calls: u64 },
}

/// What came out, and what the file must now have.
pub(crate) struct Done {
    pub(crate) figures: Figures,
    pub(crate) records: u64,
    /// The ids in each line; none where lines differ and are only counted.
    pub(crate) ids: Option<Ids>,
}

/// Does the work with the logger `L`, which writes into `folder`.
pub(crate) fn run<L: Logs>(work: Work, folder: &Path) -> Result<Done, String> {
    match (work, L::ONE_THREAD, L::FIXED_LEVELS) {
        (Work::Throughput { threads: 2.., .. }, Some(why), _)
        | (Work::Disabled { .. }, _, Some(why)) => return Err(why.to_owned()),
        _ => {}
    }
    let mut figures = Figures::default();
    let before = cpu_time()?;
    let logs = L::start(folder)?;
    let mut ids = Some(logs.ids());
    let mut records = 0;
    match work {
        Work::Latency { bursts } => logs.on_thread(|caller| {
            records = latency::<L>(caller, bursts, &mut figures);
        }),
        Work::Idle { calls } => logs.on_thread(|caller| {
            records = idle::<L>(caller, calls, &mut figures);
        }),
        Work::Throughput { threads, records } => {
            throughput(logs, threads, records, before, &mut figures)?;
            return Ok(Done { figures, records, ids });
        }
        Work::Disabled { calls } => logs.on_thread(|caller| {
            disabled::<L>(caller, calls, &mut figures);
        }),
        Work::Shapes { bursts } => logs.on_thread(|caller| {
            ids = None;
            for (shape, name) in Shape::ALL {
                let log = |values: &Values| L::log_shape(caller, shape, values);
                let (_, means) = bursts_of(records, bursts, log);
                records += ((bursts + WARM_UP) * BURST) as u64;
                figures.set(name, percentile(&means, 0.5));
            }
        }),
        Work::Allocations { calls } => logs.on_thread(|caller| {
            records = BURST as u64 + calls;
            calls_of::<L>(caller, 0, BURST as u64);
            let count = allocations::count(|| calls_of::<L>(caller, BURST as u64, calls));
            figures.set("allocations", count as f64 / calls as f64);
        }),
        Work::Calls { calls } => logs.on_thread(|caller| {
            records = BURST as u64 + calls;
            for number in 0..BURST as u64 {
                L::log(caller, black_box(&Values::of(number)));
            }
            calls_of::<L>(caller, BURST as u64, calls);
        }),
    }
    logs.finish()?;
    Ok(Done { figures, records, ids })
}

fn latency<L: Logs>(caller: &L::Caller, bursts: usize, figures: &mut Figures) -> u64 {
    let (samples, means) = bursts_of(0, bursts, |values| L::log(caller, values));
    figures.set("best_ns", means[0]);
    figures.set("mean_ns", percentile(&means, 0.5));
    figures.set("p50_ns", percentile(&samples, 0.5));
    figures.set("p99_ns", percentile(&samples, 0.99));
    figures.set("p999_ns", percentile(&samples, 0.999));
    figures.set("max_ns", percentile(&samples, 1.0));
    ((bursts + WARM_UP) * BURST) as u64
}

/// Nanoseconds a call, sorted: of each sample, and of each burst.
#[inline(always)]
fn bursts_of(mut number: u64, bursts: usize, log: impl Fn(&Values)) -> (Vec<f64>, Vec<f64>) {
    let clock = quanta::Clock::new();
    let mut samples = Vec::with_capacity(bursts * BURST / SAMPLE);
    let mut means = Vec::with_capacity(bursts);
    let mut values = vec![Values::of(0); BURST];
    let mut times = vec![0_u64; BURST / SAMPLE + 1];
    for burst in 0..bursts + WARM_UP {
        for value in &mut values {
            *value = Values::of(number);
            number += 1;
        }
        thread::sleep(PAUSE);
        times[0] = clock.raw();
        for (calls, time) in values.chunks_exact(SAMPLE).zip(&mut times[1..]) {
            for value in calls {
                log(black_box(value));
            }
            *time = clock.raw();
        }
        if burst >= WARM_UP {
            let nanos = |from, to, calls| clock.delta_as_nanos(from, to) as f64 / calls as f64;
            samples.extend(times.windows(2).map(|pair| nanos(pair[0], pair[1], SAMPLE)));
            means.push(nanos(times[0], times[BURST / SAMPLE], BURST));
        }
    }
    samples.sort_by(f64::total_cmp);
    means.sort_by(f64::total_cmp);
    (samples, means)
}

fn idle<L: Logs>(caller: &L::Caller, calls: usize, figures: &mut Figures) -> u64 {
    let clock = quanta::Clock::new();
    let mut micros = Vec::with_capacity(calls);
    for number in 0..calls + WARM_UP {
        let values = Values::of(number as u64);
        thread::sleep(IDLE);
        let begin = clock.raw();
        L::log(caller, black_box(&values));
        let end = clock.raw();
        if number >= WARM_UP {
            micros.push(clock.delta_as_nanos(begin, end) as f64 / 1e3);
        }
    }
    micros.sort_by(f64::total_cmp);
    figures.set("idle_us", percentile(&micros, 0.5));
    (calls + WARM_UP) as u64
}

fn throughput<L: Logs>(
    logs: L,
    threads: u32,
    records: u64,
    before: Duration,
    figures: &mut Figures,
) -> Result<(), String> {
    let start = Barrier::new(threads as usize);
    let share = records / u64::from(threads);
    let work = |thread: u64| {
        let mut begin = Instant::now();
        logs.on_thread(|caller| {
            start.wait();
            begin = Instant::now();
            for logged in 0..share {
                L::log(caller, black_box(&Values::of(thread * share + logged)));
                L::pace(caller, logged, threads);
            }
        });
        begin
    };
    let begin = thread::scope(|scope| {
        let work = &work;
        let all: Vec<_> =
            (0..u64::from(threads)).map(|thread| scope.spawn(move || work(thread))).collect();
        // Not this thread's time: it may be the last that gets a processor.
        all.into_iter().filter_map(|thread| thread.join().ok()).min()
    });
    let begin = begin.ok_or("no thread came to its end")?;
    logs.finish()?;
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = (cpu_time()? - before).as_secs_f64();
    let name = |figure: &str| format!("{figure}_{threads}");
    figures.set(&name("records_s"), records as f64 / seconds);
    figures.set(&name("cpu_us"), cpu * 1e6 / records as f64);
    figures.set(&name("rss_mib"), peak_rss_mib()?);
    Ok(())
}

fn disabled<L: Logs>(caller: &L::Caller, calls: u64, figures: &mut Figures) {
    let values = Values::of(0);
    let mut best = f64::INFINITY;
    for _ in 0..WARM_UP {
        let begin = Instant::now();
        for _ in 0..calls {
            L::log_disabled(caller, black_box(&values));
        }
        best = best.min(begin.elapsed().as_nanos() as f64 / calls as f64);
    }
    figures.set("disabled_ns", best);
}

/// Apart, so that a tool can tell its instructions from all others.
#[inline(never)]
fn calls_of<L: Logs>(caller: &L::Caller, first: u64, calls: u64) {
    for number in first..first + calls {
        L::log(caller, black_box(&Values::of(number)));
    }
}

/// What all threads of this process have used, in user and in system mode.
pub(crate) fn cpu_time() -> Result<Duration, String> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(|e| format!("getrusage: {e}"))?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(micros.unsigned_abs()))
}

/// The most memory that this process ever held.
fn peak_rss_mib() -> Result<f64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|e| e.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(kib.ok_or("no VmHWM in /proc/self/status")? / 1024.0)
}
