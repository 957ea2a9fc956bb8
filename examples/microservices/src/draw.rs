//! One trace as a tree, by `plog trace`, which reads the log files alone.

use std::path::Path;
use std::process::Command;

use crate::Error;
use crate::options::Options;
use crate::order::Goods;
use crate::service::Role;
use crate::traffic::Plan;

/// Draws the trace of the first request that went through all three services and was slow.
pub(crate) fn trace(plan: &Plan, options: &Options) -> Result<(), Error> {
    let slow = plan.requests.iter().find(|request| request.goods == Goods::Imported);
    let request = slow.or(plan.requests.first()).ok_or("no request was sent")?;
    let trace = request.trace.to_string();
    let logs = Role::ALL.map(|role| options.log(role));
    let shown = logs.each_ref().map(|log| log.display().to_string()).join(" ");
    println!("\n$ plog trace {trace} {shown}");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--package", "prisma-log-cli", "--manifest-path"])
        .arg(manifest)
        .args(["--", "trace", "--records=always", &trace])
        .args(logs)
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("plog trace ended with {status}").into()) }
}
