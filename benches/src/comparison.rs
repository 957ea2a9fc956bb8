//! Loggers against each other, each in its own process.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use crate::child;
use crate::figures::Figures;
use crate::logs::Logs;
use crate::options::Options;
use crate::parent::Ground;
use crate::report;
use crate::table::Table;
use crate::targets::Target;
use crate::works::{self, Done, Work};

/// A logger that takes part.
#[derive(Clone, Copy)]
pub struct Entry {
    pub(crate) name: &'static str,
    pub(crate) note: &'static str,
    pub(crate) run: fn(Work, &Path) -> Result<Done, String>,
}

impl Entry {
    pub(crate) const fn of<L: Logs>(name: &'static str, note: &'static str) -> Self {
        Entry { name, note, run: works::run::<L> }
    }
}

/// A kind of question; how much work goes into it depends on `--quick`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What the caller pays, in bursts and after a pause.
    Caller,
    /// What a call costs whose level is off.
    Disabled,
    /// What records of other shapes cost; for loggers with slog's grammar.
    Shapes,
    /// Allocations, and in a full run instructions.
    Counts,
    /// Records a second until the file is complete; processor time and memory.
    Throughput,
}

impl Question {
    fn figures(self) -> &'static [&'static str] {
        match self {
            Question::Caller => {
                &["best_ns", "mean_ns", "p50_ns", "p99_ns", "p999_ns", "max_ns", "idle_us"]
            }
            Question::Disabled => &["disabled_ns"],
            Question::Shapes => &[],
            Question::Counts => &["allocations", "instructions"],
            Question::Throughput => {
                &["records_s_1", "records_s_4", "cpu_us_1", "cpu_us_4", "rss_mib_1", "rss_mib_4"]
            }
        }
    }

    fn works(self, quick: bool) -> Vec<Work> {
        let some = |few, many| if quick { few } else { many };
        match self {
            Question::Caller => {
                vec![Work::Latency { bursts: some(20, 200) }, Work::Idle { calls: some(20, 100) }]
            }
            Question::Disabled => vec![Work::Disabled { calls: some(1, 2) as u64 * 1_000_000 }],
            Question::Shapes => vec![Work::Shapes { bursts: some(10, 40) }],
            Question::Counts => vec![Work::Allocations { calls: some(1_000, 5_000) as u64 }],
            Question::Throughput => [1, 4]
                .map(|threads| Work::Throughput { threads, records: some(40_000, 500_000) as u64 })
                .to_vec(),
        }
    }
}

/// A bench of whole loggers.
pub struct Comparison<'a> {
    /// The program's name.
    pub name: &'static str,
    /// What it answers.
    pub question: &'static str,
    /// Who takes part; the first is ours.
    pub entries: &'a [Entry],
    /// What is measured.
    pub questions: &'a [Question],
    /// How often, in a full run.
    pub rounds: usize,
    /// What must hold, as far as it is about these contenders and questions.
    pub targets: &'a [Target],
}

/// All that is known about one contender.
pub(crate) struct Row {
    pub(crate) entry: Entry,
    pub(crate) rounds: Vec<Figures>,
    pub(crate) figures: Figures,
    /// Why a figure is missing.
    pub(crate) why_not: Vec<String>,
}

impl Comparison<'_> {
    /// Measures, reports, and tells whether the targets hold.
    pub fn main(&self) -> ExitCode {
        let args: Vec<String> = std::env::args().skip(1).collect();
        if args.first().is_some_and(|first| first == child::CHILD) {
            return child::main(self.entries, &args[1..]);
        }
        let names: Vec<&str> = self.entries.iter().map(|entry| entry.name).collect();
        let outcome = Options::parse(&args, &names).map_err(|message| (2, message));
        match outcome.and_then(|options| self.run(&options).map_err(|message| (1, message))) {
            Ok(code) => code,
            Err((code, message)) => {
                eprintln!("{}: {message}", self.name);
                ExitCode::from(code)
            }
        }
    }

    fn run(&self, options: &Options) -> Result<ExitCode, String> {
        let ground = Ground::new(self.name, if options.quick { 48 << 20 } else { 800 << 20 })?;
        let taking_part = self.entries.iter().filter(|entry| options.takes(entry.name));
        let mut rows: Vec<Row> = taking_part
            .map(|&entry| Row {
                entry,
                rounds: Vec::new(),
                figures: Figures::default(),
                why_not: Vec::new(),
            })
            .collect();
        let rounds = if options.quick { 1 } else { self.rounds };
        for round in 1..=rounds {
            rows.iter_mut().for_each(|row| row.rounds.push(Figures::default()));
            // One work at a time, so that what is compared is measured side by side.
            for work in self.questions.iter().flat_map(|question| question.works(options.quick)) {
                eprintln!("round {round} of {rounds}: {}", work.name());
                rows.iter_mut().for_each(|row| row.measure(&ground, work));
            }
        }
        if !options.quick && self.questions.contains(&Question::Counts) {
            eprintln!("instructions, by valgrind");
            for row in &mut rows {
                match ground.instructions(row.entry.name) {
                    Ok(count) => row.rounds[0].set("instructions", count),
                    Err(why) => row.missing("instructions", &why),
                }
            }
        }
        for row in &mut rows {
            row.figures = Figures::over(&row.rounds);
        }
        Ok(self.report(options, &rows))
    }

    fn report(&self, options: &Options, rows: &[Row]) -> ExitCode {
        println!("{}\n\n{}", self.question, Table { rows }.text(options.markdown));
        let names: Vec<&str> = rows.iter().map(|row| row.entry.name).collect();
        let measured: Vec<&str> =
            self.questions.iter().flat_map(|question| question.figures()).copied().collect();
        let rounds_of = |name: &str| {
            let row = rows.iter().find(|row| row.entry.name == name);
            row.map(|row| row.rounds.as_slice()).unwrap_or_default()
        };
        let (mut met, mut lines, mut judged) = (0, Vec::new(), Vec::new());
        for target in self.targets.iter().filter(|target| target.is_about(&names, &measured)) {
            let (holds, line, value) = target.judge(rounds_of);
            println!("{line}");
            met += usize::from(holds);
            judged.push(json!({ "target": line, "value": value, "holds": holds }));
            lines.push(line);
        }
        println!();
        let holds = met == lines.len();
        let verdict = self.verdict(rows, met, lines.len());
        let report = json!({
            "bench": self.name, "question": self.question, "cpu": report::cpu(),
            "quick": options.quick,
            "rows": rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "targets": judged, "verdict": verdict, "holds": holds,
        });
        report::conclude(self.name, &report, holds, &verdict)
    }

    fn verdict(&self, rows: &[Row], met: usize, targets: usize) -> String {
        let mut figures = Vec::new();
        if let Some(ours) = rows.first() {
            let mut tell = |name: &str, scale: f64, digits: usize, unit: &str| {
                if let Some(value) = ours.figures.get(name) {
                    figures.push(format!("{:.digits$} {unit}", value * scale));
                }
            };
            tell("mean_ns", 1.0, 0, "ns a call");
            tell("p999_ns", 1.0, 0, "ns at p99.9");
            tell("idle_us", 1.0, 1, "us after idle");
            tell("disabled_ns", 1.0, 1, "ns disabled");
            tell("records_s_1", 1e-6, 2, "M records/s at one thread");
            tell("records_s_4", 1e-6, 2, "M at four");
            tell("cpu_us_1", 1.0, 2, "us of CPU a record");
            tell("rss_mib_4", 1.0, 1, "MiB");
        }
        format!("{met} of {targets} targets met; {}", figures.join(", "))
    }
}

impl Row {
    fn measure(&mut self, ground: &Ground, work: Work) {
        match (ground.run(self.entry.name, work), self.rounds.last_mut()) {
            (Ok(figures), Some(round)) => round.merge(figures),
            (Ok(_), None) => {}
            (Err(why), _) => self.missing(&work.name(), &why),
        }
    }

    fn missing(&mut self, what: &str, why: &str) {
        let line = format!("{}: {what}: {why}", self.entry.name);
        if !self.why_not.contains(&line) {
            self.why_not.push(line);
        }
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "name": self.entry.name, "note": self.entry.note, "figures": self.figures.to_json(),
            "rounds": self.rounds.iter().map(Figures::to_json).collect::<Vec<_>>(),
            "why_not": self.why_not,
        })
    }
}
