//! The process that measures one contender at one work, and says so on its standard output.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::comparison::Entry;
use crate::figures::Figures;
use crate::logs::Ids;
use crate::works::{Done, Work};

/// The first argument of a child; the contender, the work and the folder follow.
pub(crate) const CHILD: &str = "--contender";

impl Work {
    /// As arguments of a child.
    pub(crate) fn args(self) -> Vec<String> {
        let (name, amounts) = match self {
            Work::Latency { bursts } => ("latency", vec![bursts as u64]),
            Work::Idle { calls } => ("idle", vec![calls as u64]),
            Work::Throughput { threads, records } => {
                ("throughput", vec![u64::from(threads), records])
            }
            Work::Disabled { calls } => ("disabled", vec![calls]),
            Work::Shapes { bursts } => ("shapes", vec![bursts as u64]),
            Work::Allocations { calls } => ("allocations", vec![calls]),
            Work::Calls { calls } => ("calls", vec![calls]),
        };
        let amounts = amounts.into_iter().map(|amount| amount.to_string());
        [name.to_owned()].into_iter().chain(amounts).collect()
    }

    /// What is measured, without how much of it.
    pub(crate) fn name(self) -> String {
        let args = self.args();
        let words = if matches!(self, Work::Throughput { .. }) { 2 } else { 1 };
        args[..words].join(" ")
    }

    fn parse(name: &str, amounts: &[u64]) -> Option<Self> {
        Some(match (name, amounts) {
            ("latency", &[bursts]) => Work::Latency { bursts: bursts as usize },
            ("idle", &[calls]) => Work::Idle { calls: calls as usize },
            ("throughput", &[threads, records]) => {
                Work::Throughput { threads: threads.try_into().ok()?, records }
            }
            ("shapes", &[bursts]) => Work::Shapes { bursts: bursts as usize },
            ("disabled", &[calls]) => Work::Disabled { calls },
            ("allocations", &[calls]) => Work::Allocations { calls },
            ("calls", &[calls]) => Work::Calls { calls },
            _ => return None,
        })
    }
}

/// Runs as a child: `CONTENDER --work WORK AMOUNTS… --folder FOLDER`.
pub(crate) fn main(entries: &[Entry], args: &[String]) -> ExitCode {
    let outcome = parse(entries, args)
        .ok_or_else(|| format!("a child doesn't understand {args:?}"))
        .and_then(|(entry, work, folder)| (entry.run)(work, &folder));
    let answer = match outcome {
        Ok(Done { figures, records, ids }) => json!({
            "figures": figures.to_json(), "records": records,
            "ids": ids.map(|ids| [ids.trace, ids.span]),
        }),
        Err(why) => json!({ "why_not": why }),
    };
    println!("{answer}");
    // Threads that a logger left behind, and its `atexit`, are not what is measured.
    ExitCode::SUCCESS
}

fn parse<'e>(entries: &'e [Entry], args: &[String]) -> Option<(&'e Entry, Work, PathBuf)> {
    let [name, work_flag, work, rest @ ..] = args else { return None };
    let [amounts @ .., folder_flag, folder] = rest else { return None };
    if work_flag != "--work" || folder_flag != "--folder" {
        return None;
    }
    let entry = entries.iter().find(|entry| entry.name == name)?;
    let amounts: Vec<u64> = amounts.iter().filter_map(|amount| amount.parse().ok()).collect();
    Some((entry, Work::parse(work, &amounts)?, Path::new(folder).to_owned()))
}

/// What a child answered.
pub(crate) fn answer(output: &str) -> Result<Done, String> {
    let line = output.lines().last().unwrap_or_default();
    let json: serde_json::Value =
        serde_json::from_str(line).map_err(|_| format!("the child answered `{line}`"))?;
    if let Some(why) = json["why_not"].as_str() {
        return Err(why.to_owned());
    }
    let records = json["records"].as_u64();
    let id = |at: usize| json["ids"][at].as_str().map(str::to_owned);
    Ok(Done {
        figures: Figures::from_json(&json["figures"]),
        records: records.ok_or_else(|| format!("the child answered `{line}`"))?,
        ids: id(0).zip(id(1)).map(|(trace, span)| Ids { trace, span }),
    })
}
