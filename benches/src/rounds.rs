//! Closures against each other, in one process.

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use crate::report;

/// Something that does the same work as its rivals.
pub struct Contender<'a> {
    name: &'static str,
    note: &'static str,
    run: Box<dyn FnMut(u32) -> usize + 'a>,
    nanos: Vec<f64>,
    bytes: usize,
}

impl<'a> Contender<'a> {
    /// A contender whose `run` handles that many records and returns how many bytes it wrote.
    pub fn new(name: &'static str, note: &'static str, run: impl FnMut(u32) -> usize + 'a) -> Self {
        Contender { name, note, run: Box::new(run), nanos: Vec::new(), bytes: 0 }
    }

    /// Median over the rounds, in nanoseconds per record.
    pub fn median(&self) -> f64 {
        let mut sorted = self.nanos.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// The best round, in nanoseconds per record.
    pub fn best(&self) -> f64 {
        self.nanos.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Runs all contenders `rounds` times each, alternately, `records` records at a time.
pub fn measure(contenders: &mut [Contender<'_>], rounds: u32, records: u32) {
    for contender in &mut *contenders {
        contender.bytes = black_box((contender.run)(records)) / records as usize;
    }
    for _ in 0..rounds {
        for contender in &mut *contenders {
            let begin = Instant::now();
            black_box((contender.run)(records));
            contender.nanos.push(begin.elapsed().as_nanos() as f64 / f64::from(records));
        }
    }
}

/// A bench's name and question.
pub struct Bench {
    /// The program's name.
    pub name: &'static str,
    /// What it answers.
    pub question: &'static str,
}

impl Bench {
    /// Prints the table and writes the JSON; ratios are to the first contender. Ends with the
    /// verdict: `holds` or not, and the sentence with the figures.
    pub fn report(&self, contenders: &[Contender<'_>], holds: bool, verdict: &str) -> ExitCode {
        let base = contenders[0].median();
        let mut table = format!(
            "{}\n\n{:<30} {:>9} {:>9} {:>7} {:>7}  what it does\n",
            self.question, "ns per record", "median", "best", "ratio", "bytes"
        );
        let mut rows = Vec::new();
        for contender in contenders {
            let (median, best) = (contender.median(), contender.best());
            let Contender { name, note, bytes, .. } = contender;
            let ratio = median / base;
            // Writing to a `String` can't fail.
            let _ = writeln!(
                table,
                "{name:<30} {median:>9.1} {best:>9.1} {ratio:>7.2} {bytes:>7}  {note}"
            );
            rows.push(serde_json::json!({
                "name": name, "note": note, "median_ns": median, "best_ns": best,
                "ratio": ratio, "bytes": bytes, "rounds": contender.nanos.len(),
            }));
        }
        println!("{table}");
        let report = serde_json::json!({
            "bench": self.name, "question": self.question, "cpu": report::cpu(), "rows": rows,
            "verdict": verdict, "holds": holds,
        });
        report::conclude(self.name, &report, holds, verdict)
    }
}

/// Whether the one option that all programs take was given.
///
/// # Errors
/// For any other argument, with the message to print.
pub fn is_quick() -> Result<bool, String> {
    let mut quick = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => quick = true,
            other => {
                return Err(format!("unknown argument `{other}`: expected --quick or nothing"));
            }
        }
    }
    Ok(quick)
}
