//! A sink in a process that was forked.
#![expect(unsafe_code, reason = "a fork is what is tested, and there is no safe one")]

use std::process::{Command, Stdio};

use prisma_log_core::Sink as _;
use prisma_log_syslog::{SyslogSink, Transport};

use crate::parser::parse;
use crate::servers::{Server, numbers};
use crate::support::{LONG, write, write_all};

/// Runs `f` in a forked child, and waits for it.
fn in_child(f: impl FnOnce()) {
    // SAFETY: the child calls nothing that another thread could have left locked but the
    // allocator, which the C library makes ready for a fork; it ends without unwinding.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        f();
        // SAFETY: ends this process at once; there is nothing in it to clean up.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was forked above; `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
}

fn fork_and_write() {
    let (server, address) = Server::tcp();
    let transport = Transport::tcp(address.to_string());
    let sink = SyslogSink::builder(transport).app_name("shop").flush_timeout(LONG);
    let mut sink = sink.build().unwrap();
    // Nobody reads: what the parent wrote waits in its window when it forks.
    server.set_reading(false);
    write(&mut sink, 0..10).unwrap();
    server.set_reading(true);
    in_child(|| {
        sink.after_fork().unwrap();
        write_all(&mut sink, 100..200);
        sink.flush().unwrap();
    });
    write(&mut sink, 10..20).unwrap();
    // One that never writes must not end the parent's connection, nor send what is the parent's.
    let mut kept = Some(sink);
    in_child(|| drop(kept.take()));
    let mut sink = kept.take().unwrap();
    write(&mut sink, 20..30).unwrap();
    sink.flush().unwrap();

    let connections = server.connections();
    assert_eq!(connections.len(), 2);
    let mut found = Vec::new();
    for bytes in connections {
        let (messages, rest) = crate::parser::counted(&bytes);
        assert_eq!(rest, 0);
        let messages: Vec<_> =
            messages.into_iter().map(|m| String::from_utf8(m).unwrap()).collect();
        let ids: Vec<_> = messages.iter().map(|m| parse(m.as_bytes()).proc_id).collect();
        assert!(ids.iter().all(|id| *id == ids[0]));
        found.push((ids[0].clone(), numbers(&messages)));
    }
    assert_eq!(found[0].0, std::process::id().to_string());
    assert_ne!(found[0].0, found[1].0, "each has its own number");
    assert!(found[0].1.iter().copied().eq(0..30));
    assert!(found[1].1.iter().copied().eq(100..200));
    assert_eq!(server.ends()[0], None, "the parent's connection is open");
}

/// In a process of its own, with few threads.
#[test]
fn parent_and_child_have_a_connection_each() {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fork::child_forks", "--nocapture"])
        .env("PRISMA_LOG_TEST_FORK", "1")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn child_forks() {
    if std::env::var_os("PRISMA_LOG_TEST_FORK").is_some() {
        fork_and_write();
    }
}
