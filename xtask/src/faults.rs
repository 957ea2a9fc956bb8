//! `faults`: what must hold while things break.

use std::fs;
use std::path::Path;

use crate::cli::{Args, Chore};
use crate::shell::{Failure, Outcome, cargo, output, run};
use crate::workspace::Workspace;

pub(crate) static CHORE: Chore = Chore {
    name: "faults",
    summary: "break things on purpose and count what is lost",
    arguments: "[NAME | all] [--quick]",
    details: "
Runs a fault program, prints its figures as a table and leaves them as JSON under target/faults/; red
if anything is lost or repeated. Without a name, lists what there is.

  --quick  few rounds, as `cargo xtask ci` does",
    run: |args: &mut Args| {
        let quick = args.flag("--quick");
        let name = args.name();
        args.end()?;
        match name {
            None => list(),
            Some(name) => run_named(&name, quick),
        }
    },
};

/// Variable that says where a test leaves its figures.
const FIGURES: &str = "PRISMA_FAULTS_JSON";

/// A fault program: an integration test whose number of rounds a variable sets.
struct Fault {
    name: &'static str,
    what: &'static str,
    package: &'static str,
    test: &'static str,
    /// Variable that says how many rounds, for a quick run and a whole one.
    rounds: (&'static str, u32, u32),
}

const FAULTS: [Fault; 1] = [Fault {
    name: "monitor-kill",
    what: "kill -9 of `plog monitor` while a writer rotates the file: no alert missed or repeated",
    package: "prisma-log-cli",
    test: "kill_minus_nine_neither_misses_nor_repeats_an_alert",
    rounds: ("PRISMA_KILL_ROUNDS", 10, 50),
}];

fn list() -> Outcome {
    println!("fault programs, each run by `cargo xtask faults NAME`, or `all` of them:");
    for fault in &FAULTS {
        println!("  {:<14} {}", fault.name, fault.what);
    }
    Ok(())
}

/// Runs one fault program, or all.
pub(crate) fn run_named(name: &str, quick: bool) -> Outcome {
    let chosen: Vec<&Fault> =
        FAULTS.iter().filter(|fault| name == "all" || fault.name == name).collect();
    if chosen.is_empty() {
        let names = FAULTS.map(|fault| fault.name).join(", ");
        return Err(Failure::usage(format!("no fault program `{name}`; there are: {names}, all")));
    }
    let workspace = Workspace::load()?;
    for fault in chosen {
        let (variable, few, many) = fault.rounds;
        let rounds = if quick { few } else { many };
        println!("{}: {}; {rounds} rounds", fault.name, fault.what);
        let test = || {
            let mut test = cargo(&workspace.root);
            test.args(["test", "--package", fault.package, "--test", "it", fault.test, "--"]);
            test
        };
        // Cargo is content when no test has the name.
        if !output(test().arg("--list"))?.contains(fault.test) {
            let message = format!("`{}` has no test `{}`", fault.package, fault.test);
            return Err(Failure::new(message));
        }
        let json = workspace.root.join("target/faults").join(format!("{}.json", fault.name));
        fs::create_dir_all(workspace.root.join("target/faults"))
            .map_err(|error| Failure::new(format!("cannot create target/faults: {error}")))?;
        // Figures of an earlier run must not pass for this one's.
        let _absent = fs::remove_file(&json);
        let mut test = test();
        test.arg("--nocapture").env(variable, rounds.to_string()).env(FIGURES, &json);
        let ended = run(&mut test);
        verdict(fault.name, &json, ended.is_ok());
        ended?;
    }
    Ok(())
}

/// Prints the figures that the test left as a table, and the verdict on one line.
fn verdict(name: &str, json: &Path, held: bool) {
    let text = fs::read_to_string(json).unwrap_or_default();
    let figures: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).unwrap_or_default();
    println!("\n{:<26}{:>12}", name, "figure");
    for (figure, value) in &figures {
        println!("{figure:<26}{:>12}", value.to_string());
    }
    let all: Vec<_> = figures.iter().map(|(figure, value)| format!("{value} {figure}")).collect();
    let word = if held { "ok" } else { "FAILED" };
    println!("\n{name}: {word}: {}", all.join(", "));
}
