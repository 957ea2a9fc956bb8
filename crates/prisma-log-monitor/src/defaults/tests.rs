use std::path::Path;
use std::sync::{LazyLock, Mutex};

use prisma_log_core::Timestamp;
use prisma_log_tail::LogLine;

use super::*;
use crate::{Engine, Match};

fn matches(line: &LogLine) -> Vec<(String, Match)> {
    static ENGINE: LazyLock<Mutex<Engine>> =
        LazyLock::new(|| Mutex::new(Engine::new(default_rules()).unwrap()));
    let mut engine = ENGINE.lock().unwrap();
    let raw = line.message.clone();
    let found = engine.observe(Path::new("/app.log"), line, raw.as_bytes(), Timestamp::UNIX_EPOCH);
    let name = |found: &Match| engine.rules()[found.rule].name().to_owned();
    found.into_iter().map(|found| (name(&found), found)).collect()
}

fn message(text: &str) -> LogLine {
    let mut line = LogLine::default();
    line.message = text.into();
    line
}

#[test]
fn every_row_is_a_rule() {
    let rules = default_rules();
    assert_eq!(rules.len(), TABLE.len());
    for (rule, row) in rules.iter().zip(TABLE) {
        assert_eq!(rule.name(), row.name);
        assert!(!rule.description().is_empty());
    }
}

/// Each of the texts matches the rule, each of the others does not.
fn check(rule: &str, yes: &[&str], no: &[&str]) {
    assert!(TABLE.iter().any(|row| row.name == rule), "no rule {rule}");
    for (texts, expect) in [(yes, true), (no, false)] {
        for text in texts {
            let found = matches(&message(text)).iter().any(|(name, _)| name == rule);
            assert_eq!(found, expect, "{rule}: {text}");
        }
    }
}

#[test]
fn databases() {
    check(
        "database-refused",
        &[
            r#"connection to server at "127.0.0.1", port 5432 failed: Connection refused"#,
            "could not connect to server: Connection refused",
            "FATAL:  the database system is starting up",
            "ERROR 2003 (HY000): Can't connect to MySQL server on 'db1:3306' (111)",
            "General error: 2006 MySQL server has gone away",
            "Lost connection to MySQL server during query",
            "Could not connect to Redis at 127.0.0.1:6379: Connection refused",
            "Error: connect ECONNREFUSED 127.0.0.1:6379",
            "MongoNetworkError: failed to connect to server [db:27017] on first connect",
            "database connection refused",
            "connection refused by database orders",
            "server closed the connection unexpectedly",
        ],
        &[
            "connection refused by upstream http://backend:8080",
            "connected to postgres at db:5432",
            "database migration finished",
        ],
    );
    check(
        "database-timeout",
        &[
            "ERROR:  canceling statement due to statement timeout",
            "Lock wait timeout exceeded; try restarting transaction",
            "database query timed out after 30s",
            "redis: read timed out",
            "MongoServerSelectionError: Server selection timed out after 30000 ms",
            "connect ETIMEDOUT 10.0.0.3:5432",
        ],
        &[
            "request to payment service timed out",
            "database query took 12 ms",
            "statement timeout set",
        ],
    );
    check(
        "database-deadlock",
        &[
            "ERROR:  deadlock detected",
            "Deadlock found when trying to get lock; try restarting transaction",
            "Transaction (Process ID 51) was deadlocked on lock resources",
            "ERROR: could not serialize access due to concurrent update",
            "sqlite3.OperationalError: database is locked",
        ],
        &[
            "deadlock detection is enabled",
            "no lock held",
            "no deadlock detected",
            "No deadlocks found",
        ],
    );
    check(
        "database-pool-exhausted",
        &[
            "connection pool exhausted",
            "error: pool timed out while waiting for an open connection",
            "QueuePool limit of size 5 overflow 10 reached, connection timed out",
            "HikariPool-1 - Connection is not available, request timed out after 30000ms.",
            "FATAL:  sorry, too many clients already",
            "FATAL: remaining connection slots are reserved for superusers",
            "ERROR 1040 (08004): Too many connections",
            "ERR max number of clients reached",
            "User 'joe' has exceeded the 'max_user_connections' resource (current value: 100)",
            "Knex: Timeout acquiring a connection. The pool is probably full.",
        ],
        &[
            "connection pool started with 10 connections",
            "pool size is 5",
            "max_user_connections = 100",
            "pool exhausted count=0",
            "pool_exhausted=0",
        ],
    );
}

#[test]
fn resources() {
    check(
        "out-of-memory",
        &[
            "Out of memory: Killed process 4242 (java) total-vm:8123456kB",
            "java invoked oom-killer: gfp_mask=0x201da, order=0",
            "Memory cgroup out of memory: Killed process 17",
            "java.lang.OutOfMemoryError: Java heap space",
            "fatal error: runtime: out of memory",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "Last State: Terminated, Reason: OOMKilled",
            "app.service: A process of this unit has been killed by the OOM killer.",
            "app.service: Failed with result 'oom-kill'.",
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)",
            "Out of memory (Needed 130968 bytes)",
            "ERROR:  out of memory",
            "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted",
        ],
        &[
            "memory usage at 40%",
            "room 12 booked",
            "oom killer disabled",
            "java heap space max=4g",
            "Registered alert rule KubePodOOMKilled",
            "out of memory handler installed",
            "VM arguments: -XX:+HeapDumpOnOutOfMemoryError -Xmx4g",
        ],
    );
    check(
        "allocation-failure",
        &[
            "memory allocation of 1073741824 bytes failed",
            "kswapd0: page allocation failure: order:5",
            "fork: Cannot allocate memory",
            "terminate called after throwing an instance of 'std::bad_alloc'",
            "MemoryError: Unable to allocate 2.0 GiB",
        ],
        &["allocated 4096 bytes", "memory allocation ok"],
    );
    check(
        "memory-leak",
        &[
            "MaxListenersExceededWarning: Possible EventEmitter memory leak detected",
            "ERROR: LeakSanitizer: detected memory leaks",
            "LEAK: ByteBuf.release() was not called before it's garbage-collected.",
            "definitely lost: 1,024 bytes in 1 blocks",
            "This is very likely to create a memory leak",
        ],
        &[
            "definitely lost: 0 bytes in 0 blocks",
            "no memory leaks",
            "no memory leaks detected",
            "0 memory leaks found",
        ],
    );
    check(
        "disk-full",
        &[
            "write /var/lib/app/data: no space left on device",
            "OSError: [Errno 28] No space left on device: 'x'",
            "Error: ENOSPC: no space left on device, write",
            "could not extend file: Disk quota exceeded",
            "database or disk is full",
            "There is not enough space on the disk.",
            "filesystem /var is full",
            "volume data is out of space",
            "write failed: disk full",
            "disk is 100% full",
        ],
        &[
            "disk usage at 40%",
            "space left: 12 GB",
            "full backup of the disk",
            "disk full backup started",
            "volume data is full-text indexed",
            "disk full check passed",
        ],
    );
}

#[test]
fn failures_of_programs() {
    check(
        "crash",
        &[
            "thread 'main' panicked at src/main.rs:4:5:",
            "thread 'worker' (4711) panicked at src/main.rs:4:5:",
            "Traceback (most recent call last):",
            r#"Exception in thread "main" java.lang.NullPointerException"#,
            "panic: runtime error: index out of range [5] with length 3",
            "goroutine 1 [running]:",
            "app[4711]: segfault at 0 ip 00007f error 4 in libc.so",
            "Segmentation fault (core dumped)",
            "Uncaught TypeError: x is not a function",
            "UnhandledPromiseRejectionWarning: Error: boom",
            "Unhandled exception. System.NullReferenceException: Object reference",
            "PHP Fatal error:  Uncaught Exception: boom in /srv/x.php:3",
            "Kernel panic - not syncing: Fatal exception",
            "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x0]",
            "#  SIGSEGV (0xb) at pc=0x00007f, pid=1, tid=2",
            "worker caught signal 11 (SIGSEGV)",
            "worker received SIGABRT",
            "thread 'main' has overflowed its stack",
            "fatal runtime error: stack overflow",
            "java.lang.StackOverflowError",
            "server process (PID 12) was terminated by signal 9: Killed",
        ],
        &[
            "do not panic",
            "exception handler registered",
            "trace back to the start",
            "installed handlers for SIGSEGV, SIGBUS",
            "search for \"stack overflow\" gave 12 results",
            "query: stack overflow",
            "new article: segmentation fault in C",
            "unhandled exception handler registered",
            "uncaught exception handler registered",
            "BOOT_IMAGE=/vmlinuz kernel panic=10 console=tty0",
        ],
    );
    check(
        "timeouts",
        &[
            "request to payment service timed out after 5s",
            "context deadline exceeded",
            "dial tcp 10.0.0.1:443: i/o timeout",
            "504 Gateway Time-out",
            "upstream timed out (110: Connection timed out) while reading response header",
            "connect ETIMEDOUT 10.0.0.1:443",
            "java.net.SocketTimeoutException: Read timed out",
            "request timed out timeout=30s",
            "connection timeout: 10.0.0.1:443",
            "connection timeout to db1",
        ],
        &[
            "timeout=30s",
            "set timeout to 5",
            "time is out of range",
            "connection timeout: 30",
            "request timeout 30s",
            "served=100 timed out=0",
            "timed out: 0",
        ],
    );
}

#[test]
fn authentication_failures_know_the_address() {
    let check = |text: &str, expect: Option<&str>| {
        let found = matches(&message(text));
        let found = found.iter().find(|(name, _)| name == "authentication-failures");
        let group = found.map(|(_, found)| found.group.to_string());
        assert_eq!(group.as_deref(), expect, "{text}");
    };
    check("Failed password for root from 10.0.0.7 port 22 ssh2", Some("address=10.0.0.7"));
    check("Failed password for invalid user x from fe80::1 port 22", Some("address=fe80::1"));
    check("Invalid user admin from 10.0.0.7 port 4242", Some("address=10.0.0.7"));
    check(
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 tty=ssh ruser= rhost=10.0.0.7  user=root",
        Some("address=10.0.0.7"),
    );
    check(
        "error: maximum authentication attempts exceeded for root from 10.0.0.7 port 1 ssh2",
        Some("address=10.0.0.7"),
    );
    check(
        "Access denied for user 'root'@'10.0.0.7' (using password: YES)",
        Some("address=10.0.0.7"),
    );
    check(
        r#"user "joe": password mismatch, client: 10.0.0.7, server: x"#,
        Some("address=10.0.0.7"),
    );
    check(
        "imap-login: auth failed, 1 attempts, rip=10.0.0.7, lip=10.0.0.1",
        Some("address=10.0.0.7"),
    );
    check(
        "[client 10.0.0.7:4711] AH01617: user joe: authentication failure",
        Some("client=10.0.0.7"),
    );
    check(r#"password authentication failed for user "joe""#, Some("-"));
    check("login failed for user joe from evil.example.com", Some("address=evil.example.com"));
    check("login failed", Some("-"));
    check("Accepted password for root from 10.0.0.7 port 22 ssh2", None);
    check("authentication succeeded from 10.0.0.7", None);

    let mut line = message("login failed");
    line.fields.push("client.address", "10.0.0.9");
    assert_eq!(matches(&line)[0].1.group.to_string(), "client.address=10.0.0.9");
}

#[test]
fn http_answers() {
    let with_status = |status: u64| {
        let mut line = message("GET /login");
        line.fields.push("http.response.status_code", status);
        line.fields.push("client.address", "10.0.0.9");
        matches(&line)
    };
    assert_eq!(with_status(401)[0].0, "http-authentication-failures");
    assert_eq!(with_status(200), []);
    assert_eq!(with_status(403), []);
}

#[test]
fn levels() {
    let with_level = |level| {
        let mut line = message("something happened");
        line.level = Some(level);
        matches(&line).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(with_level(Level::Warning), [""; 0]);
    assert_eq!(with_level(Level::Error), ["error-burst"]);
    assert_eq!(with_level(Level::Critical), ["error-burst", "critical-record"]);
}

#[test]
fn quiet_lines_of_a_healthy_service_match_nothing() {
    for text in [
        "application started",
        "order 4711 processed in 12 ms",
        "GET /health 200",
        "connected to database orders",
        "retrying in 5 s",
        "user joe logged in from 10.0.0.7",
        "cache hit ratio 0.97",
        "shutting down",
    ] {
        assert_eq!(matches(&message(text)), [], "{text}");
    }
}

#[test]
fn levels_below_warning_say_that_it_is_no_trouble() {
    let at_level = |text: &str, level| {
        let mut line = message(text);
        line.level = level;
        matches(&line).into_iter().any(|(name, _)| name != "error-burst")
    };
    let check = |text: &str, at_info: bool| {
        for level in [None, Some(Level::Warning), Some(Level::Error)] {
            assert!(at_level(text, level), "{text}");
        }
        for level in [Level::Info, Level::Debug, Level::Trace] {
            assert_eq!(at_level(text, Some(level)), at_info, "{text}");
        }
    };
    check("the fix for `no space left on device` is deployed", false);
    check("redis: connection refused", false);
    check("database query timed out after 30s", false);
    check("deadlock detected", false);
    check("connection pool exhausted", false);
    check("memory allocation of 8 bytes failed", false);
    check("memory leak detected", false);
    check("request timed out", false);
    // The kernel, sshd and what systemd forwards say these at INFO.
    check("Out of memory: Killed process 4242 (java)", true);
    check("app[4711]: segfault at 0 ip 00007f error 4 in libc.so", true);
    check("thread 'main' panicked at src/main.rs:4:5:", true);
    check("Failed password for root from 10.0.0.7 port 22 ssh2", true);
}
