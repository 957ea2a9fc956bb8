//! `faults`: what must hold while things break.

use std::fs;
use std::path::Path;

use crate::cli::{Args, Chore};
use crate::shell::{Failure, Outcome, cargo, output, run};
use crate::workspace::Workspace;

pub(crate) static CHORE: Chore = Chore {
    name: "faults",
    summary: "break things on purpose and count what is lost",
    arguments: "[NAME | all] [--quick] [ROW…]",
    details: "
Runs a fault program, prints its figures as a table and leaves them as JSON under target/faults/; red
if anything is lost or repeated. Without a name, lists what there is. A whole run of a suite of
faults/ replaces its part of RELIABILITY.md as well; with the names of rows, only those are run.

  --quick  few rounds, as `cargo xtask ci` does",
    run: |args: &mut Args| {
        let quick = args.flag("--quick");
        let name = args.name();
        let rows = std::iter::from_fn(|| args.name()).collect::<Vec<_>>();
        args.end()?;
        match name {
            None => list(),
            Some(name) => run_rows(&name, quick, &rows),
        }
    },
};

/// Variable that says where a test leaves its figures.
const FIGURES: &str = "PRISMA_FAULTS_JSON";

/// A fault program.
struct Fault {
    name: &'static str,
    what: &'static str,
    how: How,
}

enum How {
    /// An integration test whose number of rounds a variable sets.
    Test {
        package: &'static str,
        test: &'static str,
        /// Variable that says how many rounds, for a quick run and a whole one.
        rounds: (&'static str, u32, u32),
    },
    /// A suite of the program in faults/, a workspace of its own: it knows its rounds, prints its
    /// own tables and verdict, and leaves its own JSON.
    Suite,
}

const FAULTS: [Fault; 4] = [
    Fault {
        name: "monitor-kill",
        what: "kill -9 of `plog monitor` while a writer rotates the file: no alert missed or repeated",
        how: How::Test {
            package: "prisma-log-cli",
            test: "kill_minus_nine_neither_misses_nor_repeats_an_alert",
            rounds: ("PRISMA_KILL_ROUNDS", 10, 50),
        },
    },
    Fault {
        name: "monitor",
        what: "the monitor killed under rotation, storms, evil patterns, flipped bits: exact counts",
        how: How::Suite,
    },
    Fault {
        name: "pipeline",
        what: "kills, exits, forks, floods, bad values and starved memory: nothing lost or repeated",
        how: How::Suite,
    },
    Fault {
        name: "sinks",
        what: "full, failing and attacked disks, logrotate, crashes in rotations, real log daemons",
        how: How::Suite,
    },
];

fn list() -> Outcome {
    println!("fault programs, each run by `cargo xtask faults NAME`, or `all` of them:");
    for fault in &FAULTS {
        println!("  {:<14} {}", fault.name, fault.what);
    }
    Ok(())
}

/// Runs one fault program, or all.
pub(crate) fn run_named(name: &str, quick: bool) -> Outcome {
    run_rows(name, quick, &[])
}

/// Runs all rows of a fault program, or those named.
fn run_rows(name: &str, quick: bool, rows: &[String]) -> Outcome {
    let chosen: Vec<&Fault> =
        FAULTS.iter().filter(|fault| name == "all" || fault.name == name).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
        let names = names.join(", ");
        return Err(Failure::usage(format!("no fault program `{name}`; there are: {names}, all")));
    }
    if let Some(row) = rows.first()
        && !matches!(chosen[..], [Fault { how: How::Suite, .. }])
    {
        return Err(Failure::usage(format!("unexpected argument `{row}`: `{name}` has no rows")));
    }
    let workspace = Workspace::load()?;
    for fault in chosen {
        println!("{}: {}", fault.name, fault.what);
        let json = workspace.root.join("target/faults").join(format!("{}.json", fault.name));
        fs::create_dir_all(workspace.root.join("target/faults"))
            .map_err(|error| Failure::new(format!("cannot create target/faults: {error}")))?;
        // Figures of an earlier run must not pass for this one's.
        let _absent = fs::remove_file(&json);
        match fault.how {
            How::Test { package, test, rounds } => {
                run_test(&workspace, fault.name, (package, test), rounds, quick, &json)?;
            }
            How::Suite => {
                let mut program = cargo(&workspace.root);
                program.args(["run", "--release", "--manifest-path", "faults/Cargo.toml", "--"]);
                run(program.arg(fault.name).args(quick.then_some("--quick")).args(rows))?;
            }
        }
    }
    Ok(())
}

fn run_test(
    workspace: &Workspace,
    name: &str,
    (package, test): (&str, &str),
    (variable, few, many): (&str, u32, u32),
    quick: bool,
    json: &Path,
) -> Outcome {
    let command = || {
        let mut command = cargo(&workspace.root);
        command.args(["test", "--package", package, "--test", "it", test, "--"]);
        command
    };
    // Cargo is content when no test has the name.
    if !output(command().arg("--list"))?.contains(test) {
        return Err(Failure::new(format!("`{package}` has no test `{test}`")));
    }
    let rounds = if quick { few } else { many };
    let mut command = command();
    command.arg("--nocapture").env(variable, rounds.to_string()).env(FIGURES, json);
    let ended = run(&mut command);
    verdict(name, json, ended.is_ok());
    ended
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
