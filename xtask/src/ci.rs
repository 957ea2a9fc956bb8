//! `ci`: everything that must be green before a change is taken.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::{Args, Chore};
use crate::shell::{Failure, Outcome, cargo, run};
use crate::workspace::Workspace;
use crate::{docs, faults, features, floorplan, microservices, test, tidy};

pub(crate) static CHORE: Chore = Chore {
    name: "ci",
    summary: "everything that must be green before a change is taken",
    arguments: "",
    details: "
Runs the steps one after another and stops at the first red one, with the command that repeats
it. Prints how long each took. All steps share one target folder and one profile, and no step
changes RUSTFLAGS, so that nothing is built twice.",
    run: |args: &mut Args| {
        args.end()?;
        run_all()
    },
};

/// What a step is called, how a person repeats it, and the step.
type Step = (&'static str, &'static str, fn(&Path) -> Outcome);

const STEPS: [Step; 11] = [
    ("format", "cargo fmt --all --check", format),
    ("locks", "cargo update --workspace --locked --manifest-path fuzz/Cargo.toml", locks),
    ("floorplan", "cargo xtask floorplan", |_| floorplan::run()),
    ("tidy", "cargo xtask tidy", |_| tidy::run()),
    ("clippy", "cargo clippy --workspace --all-targets --all-features -- -D warnings", clippy),
    ("docs", "cargo xtask docs", |_| docs::run_all()),
    ("test", "cargo xtask test", |_| test::run_all()),
    ("faults", "cargo xtask faults all --quick", |_| faults::run_named("all", true)),
    ("features", "cargo xtask features --quick", |_| features::run_all(true)),
    ("services", "cargo xtask microservices --quick", |_| microservices::check(true)),
    (
        "beside",
        "cargo clippy --manifest-path {benches,examples/microservices,faults}/Cargo.toml -- -D warnings",
        beside,
    ),
];

fn run_all() -> Outcome {
    let root = Workspace::load()?.root;
    let begin = Instant::now();
    let mut table = String::new();
    for (name, again, step) in STEPS {
        println!("\n== {name}");
        let begin_step = Instant::now();
        let outcome = step(&root);
        let verdict = if outcome.is_ok() { "ok" } else { "RED" };
        table += &row(name, verdict, begin_step.elapsed());
        if let Err(failure) = outcome {
            print!("\n{table}");
            return Err(Failure::new(format!("{name}: {failure}\n  repeat it with: {again}")));
        }
    }
    table += &row("all", "ok", begin.elapsed());
    print!("\n{table}");
    Ok(())
}

fn row(name: &str, verdict: &str, time: Duration) -> String {
    format!("{name:<10} {verdict:<4} {:7.1} s\n", time.as_secs_f64())
}

/// What stands beside the main workspace and can be built with it alone; fuzz/ can't.
const BESIDE: [&str; 3] = ["benches/Cargo.toml", microservices::MANIFEST, "faults/Cargo.toml"];

/// The folders that are workspaces of their own, where they exist.
fn side_workspaces(root: &Path) -> impl Iterator<Item = String> {
    let manifests = BESIDE.into_iter().chain(["fuzz/Cargo.toml"]);
    manifests.filter(|manifest| root.join(manifest).exists()).map(str::to_owned)
}

fn format(root: &Path) -> Outcome {
    run(cargo(root).args(["fmt", "--all", "--check"]))?;
    for manifest in side_workspaces(root) {
        run(cargo(root).args(["fmt", "--manifest-path", &manifest, "--check"]))?;
    }
    Ok(())
}

/// Whether the lock files fit the manifests: steps that build what stands beside would mend theirs in
/// silence.
fn locks(root: &Path) -> Outcome {
    for manifest in side_workspaces(root) {
        let check = ["update", "--quiet", "--workspace", "--locked", "--manifest-path", &manifest];
        run(cargo(root).args(check))?;
    }
    Ok(())
}

const CLIPPY: [&str; 7] =
    ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];

fn clippy(root: &Path) -> Outcome {
    run(cargo(root).args(CLIPPY))
}

fn beside(root: &Path) -> Outcome {
    for manifest in BESIDE {
        run(cargo(root).args(["clippy", "--manifest-path", manifest, "--", "-D", "warnings"]))?;
    }
    Ok(())
}
