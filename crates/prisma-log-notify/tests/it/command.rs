//! Programs that work, fail, hang, flood, and leave children behind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use prisma_log_monitor::{Message, Notifier as _};
use prisma_log_notify::{CommandNotifier, CommandNotifierBuilder};
use tempfile::TempDir;

use crate::support::{message, until};

struct Program {
    folder: TempDir,
    path: PathBuf,
}

impl Program {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Program { folder, path }
    }

    fn notifier(&self) -> CommandNotifierBuilder {
        CommandNotifier::builder(&self.path).timeout(Duration::from_secs(60))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

#[test]
fn a_program_gets_arguments_variables_and_json() {
    let program = Program::new(
        "for a in \"$@\"; do printf '<%s>' \"$a\"; done >arguments\ncat >input\nenv >variables",
    );
    let mut message = message(7);
    message.group = [("host", "-rf $(touch x) \"'; `id`\nz")].into_iter().collect();
    let mut notifier = program
        .notifier()
        .args([
            "--host={{group.host}}",
            "{{group.host}}",
            "--",
            "{{group.host}}",
            "{{id}}:{{status}}",
        ])
        .env("TOKEN", "s3cret")
        .build()
        .unwrap();
    notifier.notify(&message).unwrap();
    let host = "-rf $(touch x) \"'; `id`\nz";
    assert_eq!(
        program.read("arguments"),
        format!("<--host={host}>< {host}><--><{host}><7:firing>")
    );
    assert_eq!(program.read("input"), message.to_json());
    let variables = program.read("variables");
    for line in [
        "PLOG_STATUS=firing",
        "PLOG_SEVERITY=critical",
        "PLOG_RULE=disk-full",
        "PLOG_MESSAGE_ID=7",
        "TOKEN=s3cret",
    ] {
        assert!(variables.lines().any(|known| known == line), "{line}: {variables}");
    }
    assert!(!variables.contains("CARGO"), "our environment is ours: {variables}");
    assert!(!format!("{notifier:?}").contains("s3cret"));
}

#[test]
fn statuses_and_output_become_errors() {
    let check = |script: &str, is_temporary: bool, shown: &str| {
        let program = Program::new(script);
        let notifier = program.notifier().permanent_statuses([9]).env("TOKEN", "s3cret");
        let error = notifier.build().unwrap().notify(&message(1)).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.is_temporary, is_temporary, "{text}");
        assert!(text.contains(shown) && !text.contains("s3cret"), "{text}");
        assert!(text.len() < 600 && !text.contains(['\n', '\x1b']), "{text}");
    };
    check("echo first; echo \"last $TOKEN\" >&2; exit 3", true, "exit status: 3: first\\nlast ***");
    check("exit 9", false, "exit status: 9");
    check("kill -9 $$", true, "signal: 9");
    check("printf '\\033[31mred'; exit 1", true, "\\u{1b}[31mred");
    check("head -c 1000000 /dev/zero | tr '\\0' x; exit 1", true, "xxx");
}

#[test]
fn a_program_that_reads_nothing_or_floods_is_no_trouble() {
    let mut large: Message = message(1);
    large.news = vec![large.news[0].clone(); 2_000];
    for script in ["exit 0", "exec 0<&-; sleep 0.1", "yes | head -c 20000000; exit 0"] {
        Program::new(script).notifier().build().unwrap().notify(&large).unwrap();
    }
}

#[test]
fn what_hangs_is_killed_with_all_its_children() {
    let alive = |pid: &str| {
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    };
    // It ignores every polite signal, and so does what it started.
    let program =
        Program::new("trap '' TERM INT HUP\nsleep 1000 & echo $! >child\necho half\nwait");
    let mut notifier =
        CommandNotifier::builder(&program.path).timeout(Duration::from_secs(2)).build().unwrap();
    let error = notifier.notify(&message(1)).unwrap_err();
    assert!(
        error.is_temporary && error.to_string().contains("was killed after 2s: half"),
        "{error}"
    );
    let child = program.read("child");
    assert!(!child.is_empty());
    until("the child is dead", || !alive(&child));

    // It ends, and leaves a child that holds its output open.
    let program = Program::new("sleep 1000 & echo $! >child");
    program.notifier().build().unwrap().notify(&message(1)).unwrap();
    let child = program.read("child");
    assert!(!child.is_empty());
    until("the child is dead", || !alive(&child));
}

#[test]
fn settings_are_checked() {
    let check = |builder: CommandNotifierBuilder, shown: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(shown), "{error}");
    };
    let sh = || CommandNotifier::builder("/bin/sh");
    check(CommandNotifier::builder("/no/such/program"), "there is no program /no/such/program");
    check(CommandNotifier::builder(""), "invalid program");
    check(sh().arg("{{titel}}"), "argument 1 has an unknown placeholder");
    check(sh().env("PLOG_X", "1"), "invalid environment variable");
    check(sh().env("A", "\0"), "variable A has a NUL byte");
    check(sh().timeout(Duration::ZERO), "invalid timeout");
    check(sh().permanent_statuses([0]), "invalid exit status 0");
    check(sh().directory("/no/such"), "there is no directory /no/such");
    let mut gone = CommandNotifier::builder("no-such-program-anywhere").build().unwrap();
    assert!(gone.notify(&message(1)).unwrap_err().is_temporary);
}
