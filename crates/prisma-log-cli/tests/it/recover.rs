//! `plog recover`: a process is killed with records in its queue, and nothing of it is lost.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};

use prisma_log::{
    BatchError, Durability, Error, FileSink, Filter, Level, Logging, Memory, Record, Sink, info,
};

use crate::support::{Said, run};

const RECORDS: u64 = 40;
/// Names the folder that a child works in.
const CHILD: &str = "PRISMA_TEST_RECOVER_CHILD";

/// Says that it has the first batch, and never comes back.
struct Stuck {
    reached: Sender<()>,
}

impl Sink for Stuck {
    fn write(&mut self, _batch: &[Record<'_>]) -> Result<(), BatchError> {
        self.reached.send(()).unwrap();
        loop {
            std::thread::park();
        }
    }
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

/// The process that is killed: this test, run again by the others. Of its records the first one is
/// in its log file, the others no sink has seen.
#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn child() {
    let dir = PathBuf::from(std::env::var_os(CHILD).expect("the folder to work in"));
    let file = FileSink::builder(dir.join("app.log")).build().unwrap();
    let (reached, stuck) = channel();
    let logging = Logging::builder()
        .service("shop")
        .memory(Memory::Dir(dir))
        .sink("file", Filter::at_least(Level::Info), file)
        .sink("stuck", Filter::default(), Stuck { reached })
        .build()
        .unwrap();
    let log = logging.logger("shop.orders");
    for order in 0..RECORDS {
        info!(log, "order processed"; "order" => order);
        if order == 0 {
            stuck.recv().unwrap();
        }
    }
    println!("logged");
    loop {
        std::thread::park();
    }
}

struct Killed {
    dir: tempfile::TempDir,
}

fn start() -> (tempfile::TempDir, Child) {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "recover::child", "--ignored", "--nocapture"])
        .env(CHILD, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with("logged")), "the child logs");
    (dir, child)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

impl Killed {
    fn new() -> Self {
        let (dir, child) = start();
        kill(child);
        Killed { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn plog(&self, words: &[&str]) -> Said {
        run(self.path(), &[&["recover", "."], words].concat())
    }

    /// How many queues are left.
    fn left(&self) -> usize {
        let said = self.plog(&["--list", "--json"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.json().len()
    }
}

/// The numbers of the orders in JSON lines, each of which says whether it was recovered.
fn orders(lines: &str, recovered: bool) -> Vec<u64> {
    let order = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["message"], "order processed", "{line}");
        assert_eq!(line["recovered"] == true, recovered, "{line}");
        line["order"].as_u64().unwrap()
    };
    lines.lines().map(order).collect()
}

#[test]
fn records_go_to_stdout_and_what_was_found_to_stderr() {
    let killed = Killed::new();
    let said = killed.plog(&["--keep"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(orders(&said.stdout, true), (0..RECORDS).collect::<Vec<_>>());
    for words in
        ["orphan", "shop", "40 records", "file 39, stuck 40", "40 records recovered", "nothing was"]
    {
        assert!(said.stderr.contains(words), "no {words:?} in {}", said.stderr);
    }
    assert_eq!(killed.left(), 1, "kept");
    let again = killed.plog(&[]);
    assert_eq!((again.code, again.stdout), (0, said.stdout), "{}", again.stderr);
    assert_eq!(killed.left(), 0, "removed");
    let after = killed.plog(&[]);
    assert_eq!((after.code, &*after.stdout), (0, ""), "{}", after.stderr);
    assert_eq!(after.stderr, "no queues in .: nothing is left to recover\n");
}

#[test]
fn the_services_own_log_gets_each_record_once() {
    let killed = Killed::new();
    let log = killed.path().join("app.log");
    let before = std::fs::read_to_string(&log).unwrap();
    assert_eq!(orders(&before, false), [0]);
    let said = killed.plog(&["--sink", "file", "--to", "app.log", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let [line] = &said.json()[..] else { panic!("{}", said.stdout) };
    assert_eq!((&line["state"], &line["service"]), (&"orphan".into(), &"shop".into()), "{line}");
    assert_eq!((&line["records"], &line["removed"]), (&RECORDS.into(), &true.into()), "{line}");
    assert_eq!(line["sinks"][0], serde_json::json!({"name": "file", "records": RECORDS - 1}));
    assert_eq!(line["recovered"], RECORDS - 1, "{line}");
    let after = std::fs::read_to_string(&log).unwrap();
    let added = after.strip_prefix(&before).unwrap();
    assert_eq!(orders(added, true), (1..RECORDS).collect::<Vec<_>>());
    assert_eq!(killed.left(), 0);
}

#[test]
fn choices_by_service_and_sink() {
    let killed = Killed::new();
    let said = killed.plog(&["--service", "other"]);
    assert_eq!((said.code, &*said.stdout), (0, ""), "{}", said.stderr);
    assert!(said.stderr.contains("no queues of other"), "{}", said.stderr);
    let said = killed.plog(&["--sink", "nope", "--to", "out"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    for words in ["nope", "it has: file, stuck"] {
        assert!(said.stderr.contains(words), "no {words:?} in {}", said.stderr);
    }
    assert_eq!(killed.left(), 1, "nothing was taken out");
    for (sink, expect) in [("stuck", RECORDS), ("file", RECORDS - 1)] {
        let said = killed.plog(&["--service", "shop", "--sink", sink, "--keep"]);
        assert_eq!((said.code, orders(&said.stdout, true).len() as u64), (0, expect), "{sink}");
    }
    let said = killed.plog(&["--service", "shop", "--to", "out.log"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stdout.contains("40 records recovered from 1 queue, to out.log"),
        "{}",
        said.stdout
    );
    assert_eq!(killed.left(), 0);
}

#[test]
fn a_living_process_keeps_its_queue() {
    let (dir, child) = start();
    let said = run(dir.path(), &["recover", "."]);
    assert_eq!((said.code, &*said.stdout), (0, ""), "{}", said.stderr);
    for words in ["in use", "shop", &child.id().to_string(), "no queue was left"] {
        assert!(said.stderr.contains(words), "no {words:?} in {}", said.stderr);
    }
    kill(child);
    let said = run(dir.path(), &["recover", "."]);
    assert_eq!(orders(&said.stdout, true).len() as u64, RECORDS, "{}", said.stderr);
}

#[test]
fn a_file_that_can_not_be_written_leaves_the_queue() {
    let killed = Killed::new();
    let said = killed.plog(&["--to", "/dev/full/x"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("/dev/full"), "{}", said.stderr);
    let full = format!("'{}' recover . > /dev/full", env!("CARGO_BIN_EXE_plog"));
    let said: Said =
        Command::new("sh").arg("-c").arg(full).current_dir(killed.path()).output().unwrap().into();
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("cannot write to stdout"), "{}", said.stderr);
    assert_eq!(killed.left(), 1, "nothing that was not written is removed");
    let head = format!("'{}' recover . | head -c 10", env!("CARGO_BIN_EXE_plog"));
    let said: Said =
        Command::new("sh").arg("-c").arg(head).current_dir(killed.path()).output().unwrap().into();
    assert!(!said.stderr.contains("error"), "{}", said.stderr);
    assert!(killed.left() <= 1);
}

#[test]
fn what_is_no_queue_is_told_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.ring"), "no ring at all").unwrap();
    let said = run(dir.path(), &["recover", "."]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    for words in ["unreadable", "x.ring", "too short"] {
        assert!(said.stderr.contains(words), "no {words:?} in {}", said.stderr);
    }
    let said = run(dir.path(), &["recover", ".", "--list", "--json"]);
    assert_eq!((said.code, &said.json()[0]["state"]), (0, &"unreadable".into()), "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(dir.path().join("x.ring")).unwrap(), "no ring at all");
    let check = |words: &[&str], code: i32, expect: &str| {
        let said = run(dir.path(), words);
        assert_eq!(said.code, code, "{words:?}: {}", said.stderr);
        assert!(said.stderr.contains(expect), "{words:?}: no {expect:?} in {}", said.stderr);
    };
    check(&["recover", "nowhere"], 1, "nowhere");
    check(&["recover", "--json"], 2, "--list or --to FILE");
    check(&["recover", "--list", "--keep"], 2, "--keep");
    check(&["recover", ".", "--to", "a", "--yes"], 2, "--yes");
}
