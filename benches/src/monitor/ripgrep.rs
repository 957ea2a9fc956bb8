//! ripgrep, counting lines.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The program: `PRISMA_RG`, or `rg` on the path.
pub(super) struct Ripgrep {
    program: OsString,
    pub(super) version: String,
}

impl Ripgrep {
    /// Finds it, and asks for its version.
    pub(super) fn find() -> Result<Self, String> {
        let program = std::env::var_os("PRISMA_RG").unwrap_or_else(|| "rg".into());
        let output = Command::new(&program).arg("--version").output();
        let output = output.map_err(|error| {
            format!(
                "cannot run ripgrep as {}: {error}; PRISMA_RG says where it is",
                program.display()
            )
        })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.lines().next().unwrap_or_default().to_owned();
        Ok(Ripgrep { program, version })
    }

    /// Counts the lines that hold any of the patterns, and tells how long that took.
    pub(super) fn count(
        &self,
        patterns: &[String],
        ignore_case: bool,
        file: &Path,
    ) -> Result<(u64, Duration), String> {
        let mut command = self.command(ignore_case);
        for pattern in patterns {
            command.arg("-e").arg(pattern);
        }
        run(command.arg(file))
    }

    /// The same with the patterns in a file.
    pub(super) fn count_from(
        &self,
        patterns: &Path,
        file: &Path,
    ) -> Result<(u64, Duration), String> {
        run(self.command(true).arg("-f").arg(patterns).arg(file))
    }

    fn command(&self, ignore_case: bool) -> Command {
        let mut command = Command::new(&self.program);
        // One thread, and no configuration of the user's.
        command.args(["--no-config", "-j1", "-c"]);
        if ignore_case {
            command.arg("-i");
        }
        command
    }
}

fn run(command: &mut Command) -> Result<(u64, Duration), String> {
    let begin = Instant::now();
    let output = command.output().map_err(|error| format!("cannot run ripgrep: {error}"))?;
    let took = begin.elapsed();
    // No line: no output, and the exit code 1.
    if !output.status.success() && output.status.code() != Some(1) {
        return Err(format!("ripgrep: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let count = if text.is_empty() { Ok(0) } else { text.trim().parse() };
    let count = count.map_err(|_| format!("ripgrep counted `{}`", text.trim()))?;
    Ok((count, took))
}
