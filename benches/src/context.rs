//! Context, spans, bridges and the HTTP layer against what `tracing`'s users have.

mod child;
mod events;
mod records;
mod requests;
mod scopes;
mod service;
mod subject;
mod table;
mod target;

use std::process::ExitCode;

use serde_json::json;

use self::service::Served;
use self::subject::Subject;
use crate::figures::Figures;
use crate::report;
use crate::targets::Target;

const NAME: &str = "context";
const QUESTION: &str = "What do context, spans, bridges and the HTTP layer cost?";

/// Ours at or below theirs, by the median of the rounds.
const TARGETS: [Target; 13] = [
    no_more("scope: prisma-log", "caller_ns", "scope: tracing"),
    no_more("record: prisma-log", "caller_ns", "record: tracing"),
    no_more("record: prisma-log", "cpu_ns", "record: tracing"),
    no_more("context: prisma-log", "caller_ns", "context: tracing"),
    no_more("context: prisma-log", "cpu_ns", "context: tracing"),
    no_more("http: prisma-log", "caller_ns", "http: tower-http"),
    no_more("http: prisma-log", "cpu_ns", "http: tower-http"),
    no_more("event: prisma-log", "caller_ns", "event: tracing"),
    no_more("event: prisma-log", "cpu_ns", "event: tracing"),
    no_more("in span: prisma-log", "caller_ns", "in span: tracing"),
    no_more("in span: prisma-log", "cpu_ns", "in span: tracing"),
    no_more("log: prisma-log", "caller_ns", "log: tracing-log"),
    no_more("log: prisma-log", "cpu_ns", "log: tracing-log"),
];

const fn no_more(ours: &'static str, figure: &'static str, theirs: &'static str) -> Target {
    Target::one_in(ours, figure, theirs, 1.0)
}

fn subjects() -> Vec<Subject> {
    let tasks: [&[Subject]; 8] = [
        &scopes::SCOPES,
        &scopes::SPANS,
        &records::RECORDS,
        &records::RECORDS_IN_CONTEXT,
        &requests::REQUESTS,
        &events::EVENTS,
        &events::EVENTS_IN_SPAN,
        &events::LOG_RECORDS,
    ];
    tasks.concat()
}

/// What is known about one subject.
struct Row {
    subject: Subject,
    rounds: Vec<Figures>,
    figures: Figures,
    why_not: Option<String>,
}

/// Measures, prints the table, leaves the JSON, and says whether the targets are met.
pub fn context() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == child::CHILD) {
        return child::main(&subjects(), &args[1..]);
    }
    match crate::is_quick() {
        Ok(quick) => measure(quick),
        Err(message) => {
            eprintln!("{NAME}: {message}");
            ExitCode::from(2)
        }
    }
}

fn measure(quick: bool) -> ExitCode {
    let (rounds, bursts) = if quick { (3, 10) } else { (15, 50) };
    let new =
        |subject| Row { subject, rounds: Vec::new(), figures: Figures::default(), why_not: None };
    let mut rows: Vec<Row> = subjects().into_iter().map(new).collect();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for row in &mut rows {
            match child::figures_of(&row.subject, bursts) {
                Ok(figures) => row.rounds.push(figures),
                Err(why) => {
                    row.rounds.push(Figures::default());
                    row.why_not = Some(why);
                }
            }
        }
    }
    for row in &mut rows {
        row.figures = Figures::over(&row.rounds);
    }
    let served = service::measure(quick);
    conclude(quick, &rows, &served)
}

fn conclude(quick: bool, rows: &[Row], served: &Served) -> ExitCode {
    println!("{QUESTION}\n\n{}\n{}", table::text(rows), service::text(served));
    let rounds_of = |name: &str| {
        let row = rows.iter().find(|row| row.subject.name == name);
        row.map(|row| row.rounds.as_slice()).unwrap_or_default()
    };
    let (mut met, mut judged, mut ratios) = (0, Vec::new(), Vec::new());
    for target in &TARGETS {
        let (holds, line, value) = target.judge(rounds_of);
        println!("{line}");
        met += usize::from(holds);
        ratios.extend(value);
        judged.push(json!({ "target": line, "value": value, "holds": holds }));
    }
    println!();
    let complete = rows.iter().all(|row| row.why_not.is_none()) && !served.failed;
    let holds = met == TARGETS.len() && complete;
    let verdict = verdict(rows, served, met, &ratios);
    let of_row = |row: &Row| {
        json!({
            "name": row.subject.name, "note": row.subject.note, "figures": row.figures.to_json(),
            "rounds": row.rounds.iter().map(Figures::to_json).collect::<Vec<_>>(),
            "why_not": row.why_not,
        })
    };
    let report = json!({
        "bench": NAME, "question": QUESTION, "cpu": report::cpu(), "quick": quick,
        "rows": rows.iter().map(of_row).collect::<Vec<_>>(),
        "service": { "logging_off": served.off.to_json(), "logging_on": served.on.to_json(),
                     "why_not": served.why_not },
        "targets": judged, "verdict": verdict, "holds": holds,
    });
    report::conclude(NAME, &report, holds, &verdict)
}

fn verdict(rows: &[Row], served: &Served, met: usize, ratios: &[f64]) -> String {
    let pair = |task: &str| {
        let of = |row: Option<&Row>| row.and_then(|row| row.figures.get("caller_ns"));
        let mut of_task = rows.iter().filter(|row| row.subject.task() == task);
        let (ours, theirs) = (of(of_task.next()), of(of_task.next()));
        let digits = usize::from(ours.is_some_and(|ours| ours < 100.0));
        let shown = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.digits$}"));
        format!("{task} {} to {}", shown(ours), shown(theirs))
    };
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    let mut tasks: Vec<&str> = rows.iter().map(|row| row.subject.task()).collect();
    tasks.dedup();
    let pairs: Vec<String> = tasks.into_iter().map(pair).collect();
    let requests_s = |figures: &Figures| figures.get("requests_s");
    let service = match requests_s(&served.on).zip(requests_s(&served.off)) {
        Some((on, off)) => format!("; the example serves {on:.0} requests/s, {off:.0} unlogged"),
        None => String::new(),
    };
    format!(
        "{met} of {} targets met, ours at most {worst:.2} of theirs; the caller's ns, ours to \
         theirs: {}{service}",
        TARGETS.len(),
        pairs.join(", "),
    )
}
