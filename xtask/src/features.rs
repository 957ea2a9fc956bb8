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
alone, all; for the facade also seven sets between which any two features are once both on, once
both off, and once each on without the other. Builds and runs a small program that uses the facade
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
        sets.extend(any_two(&names));
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

/// A few sets, with that of all names, between which any two names are in every relation: both in,
/// both out, one without the other.
///
/// Each name is in half of eight sets, one of which has all names (Kleitman and Spencer, 1973): two
/// different halves with a member in common never cover all eight, and neither contains the other.
fn any_two<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    let halves = (0..=u8::MAX).filter(|half| half & 1 == 1 && half.count_ones() == 4);
    let halves: Vec<u8> = halves.collect();
    assert!(names.len() <= halves.len(), "nine sets are needed for so many features");
    let set = |number: u8| {
        let members = names.iter().zip(&halves).filter(|(_, half)| **half >> number & 1 == 1);
        members.map(|(name, _)| *name).collect()
    };
    (1..8).map(set).filter(|set: &Vec<_>| set.len() > 1 && set.len() < names.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Feature;

    #[test]
    fn chooses_each_feature_alone_and_all() {
        let check = |features: &[&str], expect: &[&str]| {
            let feature = |&name: &&str| Feature { name: name.to_owned(), enables: Vec::new() };
            let features = features.iter().map(feature).collect();
            let member = Member { name: "x".to_owned(), features, ..Member::default() };
            let found: Vec<String> = choices(&member).iter().map(|set| set.join(" ")).collect();
            assert_eq!(found, expect);
        };
        let none = "--no-default-features";
        let with = |set: &str| format!("{none} --features {set}");
        check(&[], &[""]);
        check(&["default", "a"], &["", none, &with("a")]);
        let (a, b, c) = (&*with("a"), &*with("b"), &*with("c"));
        check(&["a", "b", "c"], &["", none, a, b, c, &with("a,b,c")]);
    }

    #[test]
    fn any_two_features_of_the_facade_meet_in_every_way() {
        let names: Vec<String> = (0..35).map(|number| format!("f{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for count in [2, 3, 18, 35] {
            let names = &names[..count];
            let mut sets = any_two(names);
            sets.extend([names.to_vec(), Vec::new()]);
            sets.extend(names.iter().map(|&name| vec![name]));
            for (index, first) in names.iter().enumerate() {
                for second in &names[index + 1..] {
                    for wanted in [(true, true), (true, false), (false, true), (false, false)] {
                        let is = |set: &Vec<&str>| (set.contains(first), set.contains(second));
                        assert!(sets.iter().any(|set| is(set) == wanted), "{first} {second}");
                    }
                }
            }
            assert!(any_two(names).len() <= 7);
        }
    }
}
