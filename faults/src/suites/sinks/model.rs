//! The file sink over a double of the file system: its own tests, with more steps.

use std::process::Command;

use serde_json::Value;

use super::{Row, got};
use crate::kid::{Call, Run};
use crate::needs;
use crate::report::{Section, thousands};

pub(super) static ROW: Row = Row {
    name: "model",
    faults: "14, 20, 21",
    what: "every call of the file sink fails, crashes and races, over a double of the file system",
    about: "The file sink's tests `model_tests` with more steps. *Steps*: random writes, rotations, \
        crashes and power cuts before any call, clock jumps, changes of daylight saving time, the \
        years 1970 and 2038, files of others, a second process; after each step every acknowledged \
        record must be in exactly one file, whole, unless retention or an outsider deleted it, and \
        limits must hold. *Points*: each call of scripted scenes fails with EIO, ENOSPC, EDQUOT, \
        EROFS, EMFILE, EINTR or does half of its work, once and for ever; the count of delivered \
        records must be exact, and all must be there when the fault is over.",
    needs: needs::nothing,
    run,
    child,
};

fn run(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    let steps = run.pick(20_000, 2_000_000);
    let name = "a_hundred_thousand_random_steps_lose_and_overwrite_nothing";
    let (figures, passed) = test(run, name, ("PRISMA_MODEL_STEPS", steps))?;
    let made = got(&figures, "steps");
    section.check("steps", format!("≥ {}", thousands(steps)), thousands(made), made >= steps);
    for (what, key) in [
        ("records", "records"),
        ("crashes", "crashes"),
        ("power cuts", "power cuts"),
        ("errors", "faults"),
        ("other processes in between", "races"),
        ("acts of outsiders", "acts of others"),
        ("records written twice after a crash, as documented", "twice, as documented"),
        ("unpromised records that went with the power", "lost with the power, unpromised"),
    ] {
        section.info(what, thousands(got(&figures, key)));
    }
    let failed = figures["failed cases"].as_u64().ok_or("the test left no count of failures")?;
    section.zero("cases with a record lost or torn, a file overwritten or a limit passed", failed);

    section.holds("the test passes", passed);
    // The tests of the sink have made the sweep in its short form already.
    if !run.quick {
        sweep(run, &mut section)?;
    }
    Ok(section)
}

fn sweep(run: &Run, section: &mut Section) -> Result<(), String> {
    let name = "ten_thousand_faults_and_the_ledger_is_exact";
    let (figures, passed) = test(run, name, ("PRISMA_SWEEP_POINTS", 1_000_000))?;
    let made = got(&figures, "points");
    section.check("points of the sweep", "≥ 10,000", thousands(made), made >= 10_000);
    let failed = figures["points failed"].as_u64().ok_or("the test left no count of failures")?;
    section.zero("points with a wrong count, a panic or a torn line", failed);
    section.holds("the sweep passes", passed);
    Ok(())
}

/// Runs one of the file sink's unit tests; the figures that it left, and whether it passed.
fn test(run: &Run, name: &str, (variable, rounds): (&str, u64)) -> Result<(Value, bool), String> {
    let json = run.place("model")?.dir.join("figures.json");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut test = Command::new(cargo);
    test.args(["test", "--quiet", "--package", "prisma-log-file", "--lib", "--all-features"]);
    // In a quick run, the build that the tests before it have made.
    test.args(run.pick(None, Some("--release")));
    let output = test
        .args(["--", name])
        .env(variable, rounds.to_string())
        .env("PRISMA_FAULTS_JSON", &json)
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let text = std::fs::read_to_string(&json).map_err(|_| {
        let said = [&output.stdout[..], &output.stderr].concat();
        format!("{name} left no figures: {}", String::from_utf8_lossy(&said))
    })?;
    let figures = serde_json::from_str(&text);
    let figures = figures.map_err(|error| format!("the figures of {name}: {error}"))?;
    Ok((figures, output.status.success()))
}

fn child(call: &Call) -> Result<Value, String> {
    Err(call.unknown())
}
