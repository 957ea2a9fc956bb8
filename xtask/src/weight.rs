//! What a crate costs those who depend on it.

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use crate::features::FACADE;
use crate::shell::{Failure, Outcome, cargo, output, run};
use crate::workspace::Workspace;

/// At most this many crates are compiled for a dependent of the named one, itself not counted.
const LIMITS: [(&str, usize); 6] = [
    (FACADE, 60),
    ("prisma-log-console", 40),
    ("prisma-log-file", 40),
    ("prisma-log-syslog", 40),
    ("prisma-log-journald", 40),
    ("prisma-log-otlp", 40),
];

/// Counts what a dependent compiles, with default features on this platform, also for build
/// scripts and macros.
pub(crate) fn check_counts(workspace: &Workspace) -> Outcome {
    println!("crates that a dependent compiles besides the named one (default features):");
    let mut heavy = Vec::new();
    for (name, limit) in LIMITS {
        let mut tree = cargo(&workspace.root);
        tree.args(["tree", "--package", name, "--edges", "normal,build", "--prefix", "none"]);
        let count = count_crates(&output(&mut tree)?, name);
        println!("  {name:<20} {count:3} of at most {limit}");
        if count > limit {
            heavy.push(format!("`{name}` pulls in {count} crates, at most {limit} are allowed"));
        }
    }
    if heavy.is_empty() { Ok(()) } else { Err(Failure::new(heavy.join("; "))) }
}

/// Different crates in the output of `cargo tree --prefix none`, `own` not counted.
fn count_crates(tree: &str, own: &str) -> usize {
    let name_and_version = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    let crates: BTreeSet<_> = tree.lines().filter_map(name_and_version).collect();
    crates.iter().filter(|(name, _)| name != own).count()
}

/// Builds the facade from nothing, in release mode, and prints what that cost.
pub(crate) fn measure_cold_build(workspace: &Workspace) -> Outcome {
    let folder = workspace.scratch("cold-build")?;
    let (begin, before) = (Instant::now(), children_cpu_seconds());
    let mut build = cargo(&workspace.root);
    build.args(["build", "--quiet", "--release", "--package", FACADE, "--target-dir"]);
    run(build.arg(&folder))?;
    let wall = begin.elapsed().as_secs_f64();
    let cpu = match (before, children_cpu_seconds()) {
        (Some(before), Some(after)) => format!("{:.1} CPU seconds", after - before),
        _ => "CPU time unknown on this system".to_owned(),
    };
    println!("cold release build of `{FACADE}` with default features: {cpu}, {wall:.1} s by clock");
    workspace.scratch("cold-build").map(drop)
}

/// User and system time of all ended children and theirs; `None` where the kernel does not tell.
fn children_cpu_seconds() -> Option<f64> {
    parse_children_cpu(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// proc(5): `cutime` and `cstime` are fields 16 and 17, in ticks of 1/100 s on every platform
/// that Linux runs Rust on. The second field, the program's name, may hold blanks.
fn parse_children_cpu(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut ticks = rest.split(' ').skip(16 - 3).map(|field| field.parse::<u32>().ok());
    Some((f64::from(ticks.next()??) + f64::from(ticks.next()??)) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_crate_and_version_once_and_the_named_one_not() {
        let tree =
            "own v1 (/x)\na v1\nb v1 (proc-macro)\na v2\nb v1 (proc-macro) (*)\n\na v1 (*)\n";
        assert_eq!(count_crates(tree, "own"), 3);
    }

    #[test]
    fn reads_the_time_of_children() {
        let stat = "1 (a ) b) S 4 5 6 7 8 9 10 11 12 13 14 15 250 150 18 19";
        assert_eq!(parse_children_cpu(stat), Some(4.0));
        assert_eq!(parse_children_cpu("nonsense"), None);
    }
}
