//! `bench`: runs a program of benches/, a workspace of its own.

use std::fs;

use crate::cli::{Args, Chore};
use crate::shell::{Failure, Outcome, cargo, run};
use crate::workspace::{Workspace, read_text};

pub(crate) static CHORE: Chore = Chore {
    name: "bench",
    summary: "measure: run a program of benches/",
    arguments: "[NAME [--quick] [OPTIONS]]",
    details: "
Builds benches/src/bin/NAME.rs in release mode and runs it from the workspace root; all options
go to it. Without a name, lists what there is.

  --quick  a short run that shows the program works; its figures mean nothing",
    run: |args: &mut Args| {
        let workspace = Workspace::load()?;
        let known = programs(&workspace)?;
        let Some(name) = args.name() else {
            args.end()?;
            println!("benches, each run by `cargo xtask bench NAME`:");
            for (name, what) in &known {
                println!("  {name:<14} {what}");
            }
            return Ok(());
        };
        if !known.iter().any(|(known, _)| *known == name) {
            let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            let there_are = names.join(", ");
            return Err(Failure::usage(format!("no bench `{name}`; there are: {there_are}")));
        }
        let mut program = cargo(&workspace.root);
        program.args(["run", "--release", "--manifest-path", "benches/Cargo.toml", "--bin", &name]);
        if name == RIVALS {
            program.args(["--features", RIVALS]);
        }
        run(program.arg("--").args(args.rest()))
    },
};

/// The program that needs a feature of this name: what it pulls in is long to build, so neither
/// `ci` nor the other programs do.
const RIVALS: &str = "rivals";

/// Names of the programs, and the first line of their docs.
fn programs(workspace: &Workspace) -> Outcome<Vec<(String, String)>> {
    let folder = workspace.root.join("benches/src/bin");
    let mut programs = Vec::new();
    // No folder, no benches.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let mut path = entry.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            path.push("main.rs");
        }
        let text = read_text(&path)?;
        let docs = text.lines().find_map(|line| line.strip_prefix("//! "));
        programs.push((name, docs.unwrap_or_default().to_owned()));
    }
    programs.sort();
    Ok(programs)
}
