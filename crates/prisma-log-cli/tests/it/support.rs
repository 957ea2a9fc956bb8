//! Running `plog`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The command, with an environment that nothing leaks into.
pub(crate) fn plog() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plog"));
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("PRISMA_") || name_text.starts_with("PLOG_") {
            command.env_remove(&name);
        }
    }
    command.env_remove("RUST_LOG").env_remove("FORCE_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// What a finished command said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// stdout as JSON lines.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
        };
        self.stdout.lines().map(parse).collect()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Said {
            code: output.status.code().expect("an exit code"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

/// Runs `plog` with these words in this folder.
pub(crate) fn run(dir: &Path, words: &[&str]) -> Said {
    plog().current_dir(dir).args(words).output().expect("plog starts").into()
}

/// The text as an archive.
pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The same for zstd.
pub(crate) fn zstd(text: &str) -> Vec<u8> {
    ::zstd::encode_all(text.as_bytes(), 0).unwrap()
}

/// Runs `plog` with these words in this folder, and this on its standard input.
pub(crate) fn run_with_input(dir: &Path, words: &[&str], input: &str) -> Said {
    let mut command = plog();
    command.current_dir(dir).args(words).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("plog starts");
    // Dropped at the end of the statement, and so closed.
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends").into()
}
