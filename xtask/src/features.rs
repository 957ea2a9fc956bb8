//! `features`: every feature alone and together, and what the crates weigh.

use crate::cli::{Args, Chore};
use crate::shell::{Outcome, cargo, run};
use crate::workspace::{Member, Workspace};
use crate::{minimal, weight};

pub(crate) static CHORE: Chore = Chore {
    name: "features",
    summary: "build each feature alone and combined; count what the crates pull in",
    arguments: "[--quick]",
    details: "
Checks every crate by itself, with warnings as errors: default features, none, each feature
alone, all; for the facade also each pair. Builds and runs a small program that uses the facade
with `default-features = false` and logs to a file. Counts the crates that a dependent compiles,
against the limits. Measures the CPU time of a cold release build of the facade.

  --quick  leave the cold build out",
    run: |args: &mut Args| {
        let quick = args.flag("--quick");
        args.end()?;
        run_all(quick)
    },
};

/// The crate whose features are combined.
pub(crate) const FACADE: &str = "prisma-log";

/// Runs the chore.
pub(crate) fn run_all(quick: bool) -> Outcome {
    let workspace = Workspace::load()?;
    for member in workspace.members.iter().filter(|m| m.folder.starts_with("crates/")) {
        for choice in choices(member) {
            let mut check = cargo(&workspace.root);
            check.args(["clippy", "--quiet", "--package", &member.name]).args(choice);
            run(check.args(["--", "-D", "warnings"]))?;
        }
    }
    minimal::run_consumer(&workspace)?;
    weight::check_counts(&workspace)?;
    if !quick {
        weight::measure_cold_build(&workspace)?;
    }
    Ok(())
}

/// The choices of features to check, as arguments for cargo.
fn choices(member: &Member) -> Vec<Vec<String>> {
    let default = vec![Vec::new()];
    let names: Vec<&str> =
        member.features.iter().map(|f| f.name.as_str()).filter(|&name| name != "default").collect();
    if names.is_empty() {
        return default;
    }
    let mut sets: Vec<Vec<&str>> = vec![Vec::new()];
    sets.extend(names.iter().map(|&name| vec![name]));
    if member.name == FACADE {
        for (index, &first) in names.iter().enumerate() {
            sets.extend(names[index + 1..].iter().map(|&second| vec![first, second]));
        }
    }
    if !sets.iter().any(|set| set.len() == names.len()) {
        sets.push(names);
    }
    let arguments = |set: Vec<&str>| {
        let mut arguments = vec!["--no-default-features".to_owned()];
        if !set.is_empty() {
            arguments.extend(["--features".to_owned(), set.join(",")]);
        }
        arguments
    };
    default.into_iter().chain(sets.into_iter().map(arguments)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Feature;

    #[test]
    fn chooses_each_feature_alone_and_the_facades_pairs() {
        let check = |name: &str, features: &[&str], expect: &[&str]| {
            let feature = |&name: &&str| Feature { name: name.to_owned(), enables: Vec::new() };
            let features = features.iter().map(feature).collect();
            let member = Member { name: name.to_owned(), features, ..Member::default() };
            let found: Vec<String> = choices(&member).iter().map(|set| set.join(" ")).collect();
            assert_eq!(found, expect);
        };
        let none = "--no-default-features";
        let with = |set: &str| format!("{none} --features {set}");
        check("x", &[], &[""]);
        check("x", &["default", "a"], &["", none, &with("a")]);
        let (a, b, c) = (&*with("a"), &*with("b"), &*with("c"));
        check("x", &["a", "b", "c"], &["", none, a, b, c, &with("a,b,c")]);
        let pairs = [&*with("a,b"), &with("a,c"), &with("b,c")];
        check(
            FACADE,
            &["a", "b", "c"],
            &["", none, a, b, c, pairs[0], pairs[1], pairs[2], &with("a,b,c")],
        );
    }
}
