//! `journalctl` as a child process.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};

use prisma_log_core::Error;
use rustix::io::ioctl_fionbio;

use super::super::super::stream::{Got, Input};

/// How much of what a child complained about is told.
const COMPLAINT: u64 = 1024;

/// A running child, which ends with this.
pub(super) struct Child {
    process: std::process::Child,
    complaints: Option<ChildStderr>,
}

impl Child {
    /// Starts one that writes entries after the cursor, or all, and goes on.
    ///
    /// # Errors
    /// When it can't be started.
    pub(super) fn follow(
        program: &OsStr,
        matches: &[String],
        cursor: Option<&str>,
    ) -> Result<(Child, Output), Error> {
        let mut command = command(program, matches);
        command.args(["--follow", "--no-tail"]);
        if let Some(cursor) = cursor {
            command.arg(format!("--after-cursor={cursor}"));
        }
        let failed = |error| Error::io_at("run", Path::new(program), error);
        let mut process = command.spawn().map_err(failed)?;
        let output = process.stdout.take();
        let complaints = process.stderr.take();
        let child = Child { process, complaints };
        let output = output.ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        ioctl_fionbio(&output, true).map_err(|error| failed(error.into()))?;
        Ok((child, Output(output)))
    }

    /// What to tell about one that has closed its output.
    pub(super) fn why_ended(mut self, program: &OsStr) -> Error {
        let program = program.display();
        let how = match self.process.try_wait() {
            Ok(Some(status)) => status.to_string(),
            _ => "it closed its output".to_owned(),
        };
        let mut complaint = String::new();
        let is_told = self.complaints.take().is_some_and(|complaints| {
            ioctl_fionbio(&complaints, true).is_ok() && {
                let mut bytes = Vec::new();
                let _ = complaints.take(COMPLAINT).read_to_end(&mut bytes);
                complaint = String::from_utf8_lossy(&bytes).trim().replace('\n', "; ");
                !complaint.is_empty()
            }
        });
        let why = if is_told { format!("{how}: {complaint}") } else { how };
        Error::state(format!("{program} ended: {why}")).with_hint("it is started again")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that has ended already is only waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the journal ends; `None` when there is nothing in it.
///
/// # Errors
/// When the program can't be run, or fails.
pub(super) fn last_cursor(program: &OsStr, matches: &[String]) -> Result<Option<String>, Error> {
    let mut command = command(program, matches);
    command.arg("--lines=1");
    let failed = |error| Error::io_at("run", Path::new(program), error);
    let output = command.output().map_err(failed)?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let (program, status) = (program.display(), output.status);
        return Err(Error::state(format!("{program} failed: {status}: {}", complaint.trim())));
    }
    Ok(output.stdout.split(|&byte| byte == b'\n').rev().find_map(cursor))
}

fn command(program: &OsStr, matches: &[String]) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--output=json", "--all", "--quiet", "--no-pager"])
        .args(matches)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The cursor of an entry. No value can hold these bytes, as quotes in it are escaped.
pub(super) fn cursor(entry: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\"__CURSOR\"";
    let at = memchr::memmem::find(entry, KEY)? + KEY.len();
    let rest = entry.get(at..)?.trim_ascii_start().strip_prefix(b":")?;
    let rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', rest)?;
    std::str::from_utf8(rest.get(..end)?).ok().map(str::to_owned)
}

/// What the child writes.
pub(super) struct Output(ChildStdout);

impl Input for Output {
    fn read(&mut self, into: &mut [u8]) -> io::Result<Got> {
        Got::from_read(self.0.read(into))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_of_entries() {
        let check = |entry: &str, expect: Option<&str>| {
            assert_eq!(cursor(entry.as_bytes()).as_deref(), expect, "{entry}");
        };
        check(r#"{"__CURSOR":"s=1;i=2","MESSAGE":"x"}"#, Some("s=1;i=2"));
        check(r#"{ "MESSAGE" : "x", "__CURSOR" : "s=1;i=2" }"#, Some("s=1;i=2"));
        check(r#"{"MESSAGE":"\"__CURSOR\":\"forged\"","__CURSOR":"real"}"#, Some("real"));
        check(r#"{"MESSAGE":"x"}"#, None);
        check(r#"{"__CURSOR":"torn"#, None);
    }
}
