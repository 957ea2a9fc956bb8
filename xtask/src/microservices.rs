//! `microservices`: the example of three services, with a check of every record.

use crate::cli::{Args, Chore};
use crate::shell::{Outcome, cargo, run};
use crate::workspace::Workspace;

pub(crate) static CHORE: Chore = Chore {
    name: "microservices",
    summary: "10,000 requests through three services: is every record in its request's trace?",
    arguments: "[--quick]",
    details: "
Builds examples/microservices, a workspace of its own, in release mode, and runs it: starts the three
services, sends requests, stops them, and reads their log files. Red if a record is in the trace of
another request or in none, if the spans of a request are not one tree, or if anything is missing.
Leaves the figures in target/microservices/check.json.

  --quick  500 requests, as `cargo xtask ci` does",
    run: |args: &mut Args| {
        let quick = args.flag("--quick");
        args.end()?;
        check(quick)
    },
};

pub(crate) const MANIFEST: &str = "examples/microservices/Cargo.toml";

pub(crate) fn check(quick: bool) -> Outcome {
    let root = Workspace::load()?.root;
    // What it judges records by has tests of its own.
    run(cargo(&root).args(["test", "--release", "--manifest-path", MANIFEST]))?;
    let mut program = cargo(&root);
    program.args(["run", "--release", "--manifest-path", MANIFEST, "--", "--check"]);
    run(program.args(quick.then_some("--quick")))
}
