//! Runs the programs of the examples crate.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::shell::{Failure, Outcome, cargo, run, run_bounded};
use crate::workspace::Workspace;

/// The package that holds the examples.
pub(crate) const PACKAGE: &str = "prisma-log-examples";

/// No example needs long; one that waits for a person must end without one.
const LIMIT: Duration = Duration::from_secs(60);

/// Builds all examples and runs each from the workspace root: it must end by itself, with
/// success. What it prints is shown only if it does not.
pub(crate) fn run_all(workspace: &Workspace) -> Outcome {
    let names = names(&workspace.root.join(&workspace.member(PACKAGE)?.folder).join("examples"))?;
    run(cargo(&workspace.root).args(["build", "--package", PACKAGE, "--examples"]))?;
    let logs = workspace.scratch("examples")?;
    let mut failures = Vec::new();
    for name in &names {
        let program = workspace.target.join("debug/examples").join(name);
        let mut command = Command::new(program.with_extension(std::env::consts::EXE_EXTENSION));
        command.current_dir(&workspace.root);
        let begin = Instant::now();
        let outcome = run_bounded(&mut command, LIMIT, &logs.join(format!("{name}.out")));
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("example {name} ... {verdict} ({:.1} s)", begin.elapsed().as_secs_f64());
        failures.extend(outcome.err());
    }
    let (passed, failed) = (names.len() - failures.len(), failures.len());
    println!("examples: {passed} passed, {failed} failed");
    match failures.first() {
        None => Ok(()),
        Some(first) => Err(Failure::new(format!("{failed} examples failed; first: {first}"))),
    }
}

/// The examples in a folder: `NAME.rs` and `NAME/main.rs`.
fn names(folder: &Path) -> Outcome<Vec<String>> {
    let cannot = |error| Failure::new(format!("cannot read {}: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let is_program = path.extension().is_some_and(|extension| extension == "rs")
            || path.join("main.rs").exists();
        names.extend(path.file_stem().filter(|_| is_program).map(|n| n.to_string_lossy().into()));
    }
    names.sort();
    if names.is_empty() {
        return Err(Failure::new(format!("no examples in {}", folder.display())));
    }
    Ok(names)
}
