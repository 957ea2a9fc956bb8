//! What is counted.

/// Eight patterns as default rules have them, in small letters.
pub(super) const EIGHT: [&str; 8] = [
    "connection refused|econnrefused",
    "deadlock (?:detected|found)",
    "out of memory",
    "timed? ?out (?:after|while|waiting)",
    "no space left on device",
    "panicked at",
    "authentication (?:failed|failure)",
    "pool (?:is |was )?exhausted",
];

const SUBJECTS: [&str; 40] = [
    "replica",
    "primary",
    "checksum",
    "certificate",
    "handshake",
    "disk quota",
    "inode table",
    "swap space",
    "heap memory",
    "thread pool",
    "connection pool",
    "worker process",
    "message broker",
    "consumer group",
    "partition leader",
    "lock manager",
    "transaction log",
    "write-ahead log",
    "index segment",
    "snapshot upload",
    "backup job",
    "dns resolver",
    "load balancer",
    "rate limiter",
    "circuit breaker",
    "session store",
    "token issuer",
    "key store",
    "config reload",
    "schema migration",
    "foreign key",
    "unique constraint",
    "file descriptor",
    "socket buffer",
    "network interface",
    "storage volume",
    "container runtime",
    "image registry",
    "scheduler queue",
    "garbage collector",
];

const FAULTS: [&str; 25] = [
    "is unavailable",
    "has failed",
    "failed to start",
    "timed out",
    "was rejected",
    "is corrupted",
    "is exhausted",
    "overflowed",
    "is out of sync",
    "was revoked",
    "has expired",
    "is unreachable",
    "was killed",
    "crashed unexpectedly",
    "panicked",
    "stalled",
    "is read-only",
    "was denied",
    "returned an error",
    "lost quorum",
    "violation detected",
    "is misconfigured",
    "limit exceeded",
    "leak detected",
    "is degraded",
];

/// Patterns of so many subjects and faults.
fn product(subjects: usize, faults: usize) -> Vec<String> {
    let of = |&subject| FAULTS[..faults].iter().map(move |fault| fault_of(subject, fault));
    SUBJECTS[..subjects].iter().flat_map(of).collect()
}

/// What befell what, as a message says it.
pub(super) fn fault_of(subject: &str, fault: &str) -> String {
    format!("{subject} {fault}")
}

/// The number of messages that [`fault`] knows.
pub(super) const ALL_FAULTS: usize = SUBJECTS.len() * FAULTS.len();

/// One of the messages that the thousand patterns are about.
pub(super) fn fault(number: usize) -> String {
    fault_of(SUBJECTS[number / FAULTS.len() % SUBJECTS.len()], FAULTS[number % FAULTS.len()])
}

/// The eight, a hundred or a thousand patterns, in small letters.
pub(super) fn set(size: usize) -> Vec<String> {
    match size {
        8 => EIGHT.map(str::to_owned).to_vec(),
        100 => product(10, 10),
        _ => product(SUBJECTS.len(), FAULTS.len()),
    }
}
