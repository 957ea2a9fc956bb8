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
pub(crate) struct Interrupt {
    end: Arc<AtomicBool>,
    /// Whether SIGHUP asks for a reload instead, and has.
    reload: Option<Arc<AtomicBool>>,
}

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP ask for the end; SIGHUP does not where it was ignored
    /// at the start, as `nohup` wants it. A command that has not ended five seconds later is ended
    /// with exit code 1, by another signal at once with 130.
    pub(crate) fn on_signals() -> Result<Self, Error> {
        Self::listen(Interrupt::default())
    }

    /// The same, but SIGHUP asks for a reload.
    pub(crate) fn on_signals_with_reload() -> Result<Self, Error> {
        Self::listen(Interrupt { reload: Some(Arc::default()), ..Interrupt::default() })
    }

    fn listen(interrupt: Interrupt) -> Result<Self, Error> {
        let asked = interrupt.clone();
        let hears_hangup = interrupt.reload.is_some() || !is_hangup_ignored();
        let wanted = [Some(SIGINT), Some(SIGTERM), hears_hangup.then_some(SIGHUP)];
        let failed = |error| Error::io("cannot listen for signals", error);
        let mut signals = Signals::new(wanted.into_iter().flatten()).map_err(failed)?;
        let listen = move || {
            let mut first = None;
            for signal in signals.forever() {
                if let (SIGHUP, Some(reload)) = (signal, &asked.reload) {
                    reload.store(true, Ordering::SeqCst);
                    continue;
                }
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
        self.end.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.end.load(Ordering::SeqCst)
    }

    /// Whether a reload was asked for since this was last asked.
    pub(crate) fn takes_reload(&self) -> bool {
        self.reload.as_ref().is_some_and(|reload| reload.swap(false, Ordering::SeqCst))
    }
}

/// Whether SIGHUP was ignored when the process started; bit 0 of what Linux tells.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|bits| bits & 1 == 1)
}
