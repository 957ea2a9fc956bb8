//! Lines counted for each pattern, against ripgrep.

mod check;
mod child;
mod contest;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

pub(super) use self::child::{CHILD, child};
use self::contest::Contest;
use super::lines;
use super::part::{Part, Target};
use super::ripgrep::Ripgrep;

/// Numbers of patterns.
const SIZES: [usize; 3] = [8, 100, 1000];

/// What a set of patterns is counted in.
struct Setting {
    ripgrep: Ripgrep,
    /// The file that is counted in, and a second one for a second thread.
    files: [PathBuf; 2],
    /// A shorter one, in which many patterns are counted one by one.
    short: PathBuf,
    quick: bool,
}

/// Measures, after it was checked that all count the same.
pub(super) fn measure(quick: bool) -> Result<Part, String> {
    let ripgrep = Ripgrep::find()?;
    let mebibytes = if quick { 64 } else { 1024 };
    let files = [lines::file(mebibytes, 1)?, lines::file(mebibytes, 2)?];
    let setting = Setting { ripgrep, files, short: lines::file(64, 1)?, quick };
    let checked = SIZES.map(|size| check::counts(&setting, size));
    let contest = Contest::run(&setting)?;
    let [eight, hundred, thousand] = checked;
    let checked = eight? + hundred? + thousand?;
    let size = std::fs::metadata(&setting.files[0]).map_err(|error| error.to_string())?.len();
    let table = table(&setting, &contest, size, checked);
    Ok(Part { name: "text", table, figures: figures(&contest, size), targets: targets(&contest) })
}

fn targets(contest: &Contest) -> Vec<Target> {
    let part = |a, b| contest.part(a, b);
    vec![
        Target::at_most(
            "8 patterns in any case: time, in times of rg's for the same case only",
            part("ours, 8", "rg, 8, same case"),
            1.3,
        ),
        Target::at_least(
            "8 patterns in any case: times faster than rg -i",
            part("rg -i, 8", "ours, 8"),
            5.0,
        ),
        Target::at_least(
            "100 patterns in any case: times faster than rg -i -f",
            part("rg -i -f, 100", "ours, 100"),
            3.0,
        ),
        Target::at_least(
            "1000 patterns in any case: times faster than rg -i -f",
            part("rg -i -f, 1000", "ours, 1000"),
            2.0,
        ),
        Target::at_least(
            "8 patterns, 2 files: times faster by 2 threads than by 1",
            part("ours, 8, 2 files", "ours, 8, 2 files, 2 threads"),
            1.7,
        ),
        Target::at_most("peak of resident memory, MiB", contest.most_mebibytes(), 64.0),
    ]
}

fn table(setting: &Setting, contest: &Contest, size: u64, checked: usize) -> String {
    let mut table = format!(
        "{:<30} {:>9} {:>9} {:>9} {:>9}\n",
        "counting lines", "median s", "best s", "MB/s", "MiB"
    );
    for entry in contest.entries() {
        let megabytes = entry.files as f64 * size as f64 / 1e6;
        let memory = entry.mebibytes.map_or_else(|| "-".to_owned(), |mib| format!("{mib:.1}"));
        // Writing to a `String` can't fail.
        let _ = writeln!(
            table,
            "{:<30} {:>9.3} {:>9.3} {:>9.0} {memory:>9}",
            entry.name,
            entry.median(),
            entry.best(),
            megabytes / entry.median()
        );
    }
    let _ = write!(
        table,
        "\nEach is a process of its own over a file of {} MB in the page cache, from start to end, \
         {} rounds in turn.\nOurs counts the lines of each pattern, by one thread; {} counts the \
         lines that hold any.\nCounts of {checked} patterns, one by one, and of all sets together, \
         are ripgrep's own.\n",
        size / 1_000_000,
        contest.rounds(),
        setting.ripgrep.version,
    );
    table
}

fn figures(contest: &Contest, size: u64) -> serde_json::Value {
    let row = |entry: &contest::Entry| {
        json!({ "name": entry.name, "median_s": entry.median(), "best_s": entry.best(),
                "mb_s": entry.files as f64 * size as f64 / 1e6 / entry.median(),
                "rss_mib": entry.mebibytes })
    };
    contest.entries().iter().map(row).collect()
}

/// The file of a set's patterns, one a line, beside the logs.
fn pattern_file(size: usize, beside: &Path) -> Result<PathBuf, String> {
    let path = beside.with_file_name(format!("patterns-{size}.txt"));
    let text = super::patterns::set(size).join("\n") + "\n";
    std::fs::write(&path, text)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}
