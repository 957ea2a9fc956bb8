//! Ctrl-C and SIGTERM: end in order, and in time.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use prisma_log_core::Error;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a command may take to end once it was asked to: a blocked stdout must not keep it.
const DEADLINE: Duration = Duration::from_secs(5);
/// Signals within this time are one wish: `timeout` and others signal a process and its group.
const ONE_WISH: Duration = Duration::from_secs(1);

/// Whether the command was asked to end, by a signal or by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP ask for the end; SIGHUP does not where it was ignored
    /// at the start, as `nohup` wants it. A command that has not ended five seconds later is ended
    /// with exit code 1, by another signal at once with 130.
    pub(crate) fn on_signals() -> Result<Self, Error> {
        let interrupt = Interrupt::default();
        let asked = interrupt.clone();
        let wanted = [Some(SIGINT), Some(SIGTERM), (!is_hangup_ignored()).then_some(SIGHUP)];
        let failed = |error| Error::io("cannot listen for signals", error);
        let mut signals = Signals::new(wanted.into_iter().flatten()).map_err(failed)?;
        let listen = move || {
            let mut first = None;
            for _ in signals.forever() {
                asked.ask();
                match first {
                    None => {
                        first = Some(Instant::now());
                        thread::spawn(|| {
                            thread::sleep(DEADLINE);
                            exit(1);
                        });
                    }
                    Some(first) if first.elapsed() > ONE_WISH => exit(130),
                    Some(_) => {}
                }
            }
        };
        thread::Builder::new().name("signals".into()).spawn(listen).map_err(failed)?;
        Ok(interrupt)
    }

    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Whether SIGHUP was ignored when the process started; bit 0 of what Linux tells.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|bits| bits & 1 == 1)
}
