//! The model test: cases by the thousand.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::case::{Case, Tally};

/// How many steps all cases together take.
const STEPS: &str = "PRISMA_MODEL_STEPS";
/// Runs the case of this one seed, and tells its story if it fails.
const SEED: &str = "PRISMA_MODEL_SEED";
const DEFAULT_STEPS: u64 = 100_000;
const STEPS_OF_A_CASE: u64 = 100;
/// How many failed cases are listed.
const MOST_SHOWN: usize = 10;

pub(super) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, must be a number")))
}

fn run(seed: u64, told: bool) -> Result<Tally, String> {
    let mut case = Case::new(seed, told);
    match case.run(STEPS_OF_A_CASE) {
        Ok(()) => Ok(case.tally),
        Err(error) => {
            let step = case.tally.steps;
            let story = if told { case.story() } else { format!("{SEED}={seed} tells how") };
            Err(format!("case {seed}, step {step}: {error}\n{story}"))
        }
    }
}

/// Writes the figures where `cargo xtask faults` looks for them.
pub(super) fn leave_figures(figures: &[(&str, u64)]) {
    let mut json = String::from("{");
    for (index, (name, figure)) in figures.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(json, "{comma}\n  \"{name}\": {figure}").expect("a string takes everything");
        println!("{name:<34}{figure:>12}");
    }
    json.push_str("\n}\n");
    if let Some(path) = std::env::var_os("PRISMA_FAULTS_JSON") {
        std::fs::write(path, json).expect("the figures can be left");
    }
}

#[test]
fn a_hundred_thousand_random_steps_lose_and_overwrite_nothing() {
    if let Some(seed) = number(SEED) {
        let tally = run(seed, true).unwrap_or_else(|error| panic!("{error}"));
        println!("{tally:#?}");
        return;
    }
    let steps = number(STEPS).unwrap_or(DEFAULT_STEPS);
    let cases = steps.div_ceil(STEPS_OF_A_CASE);
    let first = fastrand::u64(..u64::MAX / 2);
    println!("seeds from {first}");
    let next = AtomicU64::new(0);
    let sum = Mutex::new((Tally::default(), Vec::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= cases {
                        break;
                    }
                    let outcome = run(first + index, false);
                    let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match outcome {
                        Ok(tally) => sum.0.add(tally),
                        Err(error) => sum.1.push(error),
                    }
                }
            });
        }
    });
    let (tally, failed) = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    leave_figures(&[
        ("cases", cases),
        ("steps", tally.steps),
        ("records", tally.records.records),
        ("crashes", tally.crashes),
        ("power cuts", tally.power_cuts),
        ("faults", tally.faults),
        ("races", tally.races),
        ("acts of others", tally.acts),
        ("removed by retention", tally.records.retention),
        ("removed by others", tally.records.outside),
        ("lost with the power, unpromised", tally.records.power_cut),
        ("twice, as documented", tally.records.twice),
        ("records broken by a crash", tally.records.broken_tails),
        ("failed cases", failed.len() as u64),
    ]);
    failed.iter().take(MOST_SHOWN).for_each(|failed| println!("{failed}"));
    assert!(failed.is_empty(), "{} of {cases} cases failed", failed.len());
    assert!(tally.steps >= steps);
}
