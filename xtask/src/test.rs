//! `test`: every test, documentation example and example program.

use crate::cli::{Args, Chore};
use crate::examples;
use crate::shell::{Failure, Outcome, cargo, run, works};
use crate::workspace::Workspace;

pub(crate) static CHORE: Chore = Chore {
    name: "test",
    summary: "run all tests, the code in the documentation, and every example",
    arguments: "",
    details: "
Needs Rust and a C compiler; uses cargo-nextest where it is installed. Everything is run even if
a part is red, so that one run shows all there is to mend. Examples (examples/examples/*.rs) must
end by themselves within a minute. Arguments for one crate's tests go to cargo directly:
`cargo test -p prisma-log-core some_test`.",
    run: |args: &mut Args| {
        args.end()?;
        run_all()
    },
};

/// Every crate with everything it can do; what it is without is the `features` chore's business.
const ALL: [&str; 3] = ["--workspace", "--all-features", "--no-fail-fast"];

/// Runs the chore.
pub(crate) fn run_all() -> Outcome {
    let workspace = Workspace::load()?;
    let root = &workspace.root;
    let mut parts = Vec::new();
    if works(cargo(root).args(["nextest", "--version"])) {
        // nextest does not run documentation.
        parts.push(run(cargo(root).args(["nextest", "run"]).args(ALL)));
        parts.push(run(cargo(root).args(["test", "--doc"]).args(ALL)));
    } else {
        parts.push(run(cargo(root).arg("test").args(ALL)));
    }
    parts.push(examples::run_all(&workspace));
    let red: Vec<String> =
        parts.into_iter().filter_map(Result::err).map(|failure| failure.to_string()).collect();
    if red.is_empty() { Ok(()) } else { Err(Failure::new(red.join("\n  and "))) }
}
