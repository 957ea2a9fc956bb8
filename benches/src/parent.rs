//! Starts the children, and checks what their loggers wrote.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::check;
use crate::child::{CHILD, answer};
use crate::figures::Figures;
use crate::report;
use crate::works::Work;

/// A child that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(300);

/// Where children write, removed at the end.
pub(crate) struct Ground {
    folder: PathBuf,
    /// Bytes written and deleted before each run for throughput: a virtual machine gives free
    /// pages back to its host, and whoever comes first after that pays for getting them again.
    churn: u64,
}

impl Ground {
    pub(crate) fn new(name: &str, churn: u64) -> Result<Self, String> {
        let folder = report::folder().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
        Ok(Ground { folder, churn })
    }

    /// What the contender's child found; an error says why there is no figure.
    pub(crate) fn run(&self, contender: &str, work: Work) -> Result<Figures, String> {
        if matches!(work, Work::Throughput { .. }) {
            self.churn_pages().map_err(|e| format!("cannot write and delete a file: {e}"))?;
        }
        let (output, _) = self.child(Command::new(this_program()?), contender, work)?;
        Ok(output)
    }

    /// Instructions that a call takes on the caller's thread, if valgrind is there.
    pub(crate) fn instructions(&self, contender: &str) -> Result<f64, String> {
        let count = |calls| {
            let mut program = Command::new("valgrind");
            program.args(["--tool=callgrind", "--fair-sched=try", "--toggle-collect=*calls_of*"]);
            program.arg("--callgrind-out-file=/dev/null").arg(this_program()?);
            let (_, log) = self.child(program, contender, Work::Calls { calls })?;
            let line = log.lines().find_map(|line| line.split("Collected :").nth(1));
            line.and_then(|rest| rest.trim().parse::<f64>().ok())
                .ok_or_else(|| "valgrind counted nothing".to_owned())
        };
        let (few, many) = (500, 1_500);
        Ok((count(many)? - count(few)?) / (many - few) as f64)
    }

    fn child(
        &self,
        mut program: Command,
        contender: &str,
        work: Work,
    ) -> Result<(Figures, String), String> {
        let folder = self.folder.join("files");
        let _fresh = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        program.args([CHILD, contender, "--work"]).args(work.args());
        program.arg("--folder").arg(&folder).stdin(Stdio::null());
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = program.spawn().map_err(|e| format!("cannot start a child: {e}"))?;
        let (output, log) = wait(child)?;
        let done = answer(&output).map_err(|why| match log.lines().last() {
            Some(last) if output.is_empty() => last.to_owned(),
            _ => why,
        })?;
        check::files(&folder, done.records, done.ids.as_ref())?;
        fs::remove_dir_all(&folder).map_err(|e| e.to_string())?;
        Ok((done.figures, log))
    }

    fn churn_pages(&self) -> std::io::Result<()> {
        let path = self.folder.join("churn");
        let mut file = File::create(&path)?;
        let chunk = vec![0x5a_u8; 1 << 20];
        for _ in 0..self.churn >> 20 {
            file.write_all(&chunk)?;
        }
        drop(file);
        fs::remove_file(path)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn this_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))
}

/// The child's standard output and standard error, once it has ended by itself.
pub(crate) fn wait(mut child: Child) -> Result<(String, String), String> {
    let output = read(child.stdout.take());
    let log = read(child.stderr.take());
    let begin = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|e| format!("cannot wait for a child: {e}"))? {
            Some(status) => break status,
            None if begin.elapsed() > DEADLINE => {
                let _gone = child.kill();
                let _gone = child.wait();
                return Err(format!("hung for {} s", DEADLINE.as_secs()));
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    let texts = output.join().ok().zip(log.join().ok());
    let (output, log) = texts.ok_or("cannot read what a child wrote")?;
    if status.success() {
        Ok((output, log))
    } else {
        Err(format!("{status}: {}", log.lines().last().unwrap_or("no word")))
    }
}

fn read(from: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What can't be read is missing from the answer, which says so.
        let _read = from.map(|mut from| from.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
