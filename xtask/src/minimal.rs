//! The smallest use of the facade: no default features, records into a file.

use std::fs;
use std::path::Path;

use crate::features::FACADE;
use crate::shell::{Failure, Outcome, cargo, run};
use crate::workspace::{Workspace, read_text};

const PROGRAM: &str = r#"
use prisma_log::{FileSink, Filter, Level, Logging, info};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("no path")?;
    let sink = FileSink::builder(path).build()?;
    let logging = Logging::builder().sink("file", Filter::at_least(Level::Info), sink).build()?;
    let log = logging.logger("minimal");
    info!(log, "it works"; "answer" => 42);
    assert!(logging.flush(std::time::Duration::from_secs(5)).is_ok());
    Ok(())
}
"#;

/// What the program's record must hold.
const EXPECTED: [&str; 4] =
    ["\"level\":\"INFO\"", "\"logger\":\"minimal\"", "\"message\":\"it works\"", "\"answer\":42"];

/// Builds and runs a program outside the workspace that depends on the facade with
/// `default-features = false`, and reads the record that it logged.
pub(crate) fn run_consumer(workspace: &Workspace) -> Outcome {
    let folder = workspace.scratch("minimal")?;
    let facade = workspace.root.join(&workspace.member(FACADE)?.folder);
    let manifest = format!(
        "[package]\nname = \"minimal\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{FACADE} = {{ path = {facade:?}, default-features = false }}\n\n\
         [workspace]\n"
    );
    write(&folder.join("Cargo.toml"), &manifest)?;
    write(&folder.join("src/main.rs"), PROGRAM)?;
    // The versions that the workspace is tested with.
    write(&folder.join("Cargo.lock"), &workspace.read_text("Cargo.lock")?)?;

    let log = folder.join("minimal.log");
    let mut program = cargo(&folder);
    program.args(["run", "--quiet", "--target-dir"]).arg(folder.join("target")).arg("--");
    run(program.arg(&log))?;
    let lines = read_text(&log)?;
    let missing: Vec<&str> = EXPECTED.into_iter().filter(|part| !lines.contains(part)).collect();
    if lines.lines().count() != 1 || !missing.is_empty() {
        return Err(Failure::new(format!(
            "without default features the facade should write one record with {missing:?}, but \
             wrote:\n{lines}"
        )));
    }
    println!("`{FACADE}` with `default-features = false` wrote: {}", lines.trim_end());
    Ok(())
}

fn write(path: &Path, text: &str) -> Outcome {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}
