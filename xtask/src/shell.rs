//! Running other programs.

use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Why a chore is red.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    usage: bool,
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The chore found something wrong, or could not do its work.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Failure { message: message.into(), usage: false }
    }

    /// The chore was called wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure { message: message.into(), usage: true }
    }

    pub(crate) fn is_usage(&self) -> bool {
        self.usage
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// `cargo`, the one that runs this program, in `root`.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut text = String::new();
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            text += &format!("{}={} ", key.display(), quoted(&value.to_string_lossy()));
        }
    }
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    text += &program.to_string_lossy();
    for arg in command.get_args() {
        text += " ";
        text += &quoted(&arg.to_string_lossy());
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains(' ') { format!("'{text}'") } else { text.to_owned() }
}

/// Shows and runs a command with this terminal as its own.
pub(crate) fn run(command: &mut Command) -> Outcome {
    println!("$ {}", shown(command));
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    check(command, status)
}

/// Runs a command and gives back what it wrote to stdout; stderr is shown only if it fails.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| cannot_start(command, &error))?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    check(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a command can be run and succeeds; what it writes is thrown away.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a command with everything it writes going to `log`, and kills it after `limit`.
/// What it wrote is shown only if it fails.
pub(crate) fn run_bounded(command: &mut Command, limit: Duration, log: &Path) -> Outcome {
    let cannot_log = |error| Failure::new(format!("cannot write {}: {error}", log.display()));
    let file = File::create(log).map_err(cannot_log)?;
    let twin = file.try_clone().map_err(cannot_log)?;
    command.stdin(Stdio::null()).stdout(file).stderr(twin);
    let mut child = command.spawn().map_err(|error| cannot_start(command, &error))?;
    let begin = Instant::now();
    let outcome = loop {
        match child.try_wait() {
            Err(error) => break Err(cannot_start(command, &error)),
            Ok(Some(status)) => break check(command, status),
            Ok(None) if begin.elapsed() < limit => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                // Either may fail only because the program has just ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                let seconds = limit.as_secs();
                break Err(Failure::new(format!(
                    "`{}` did not end within {seconds} s",
                    shown(command)
                )));
            }
        }
    };
    if outcome.is_err() {
        print!("{}", fs::read_to_string(log).unwrap_or_default());
    }
    outcome
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot run `{}`: {error}", shown(command)))
}

fn check(command: &Command, status: ExitStatus) -> Outcome {
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("`{}` ended with {status}", shown(command))))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_that_hangs_is_killed_and_one_that_fails_is_red() {
        let log = std::env::temp_dir().join(format!("xtask-shell-{}", std::process::id()));
        let run = |script: &str, limit| {
            run_bounded(&mut shell(script), limit, &log).map_err(|failure| failure.to_string())
        };
        let long = Duration::from_secs(60);
        assert_eq!(run("echo fine", long), Ok(()));
        assert_eq!(fs::read_to_string(&log).unwrap(), "fine\n");
        assert!(run("exit 3", long).unwrap_err().contains("exit status: 3"));
        let late = run("exec sleep 600", Duration::from_millis(50)).unwrap_err();
        assert!(late.contains("did not end within"), "{late}");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn shows_a_command_as_it_would_be_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["test", "a b"]).env("X", "-D warnings");
        assert_eq!(shown(&command), "X='-D warnings' cargo test 'a b'");
    }
}
