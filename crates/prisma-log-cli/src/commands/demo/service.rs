//! The demo's service: takes orders on several threads, and fails in ways that services fail.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prisma_log::{Context, Logger, Logging, crit, debug, error, info, warn};

use crate::interrupt::Interrupt;

const WORKERS: u32 = 3;
/// Pause of a worker after each order: a steady load of some thousand records a second.
const PAUSE: Duration = Duration::from_micros(700);

/// The running service.
pub(super) struct Service {
    threads: Vec<JoinHandle<()>>,
}

impl Service {
    /// Starts workers and trouble; all end after `duration`, or when interrupted.
    pub(super) fn start(logging: &Logging, duration: Duration, interrupt: Interrupt) -> Self {
        let clock = Clock { start: Instant::now(), duration, interrupt };
        let mut threads = Vec::new();
        for worker in 0..WORKERS {
            let (log, clock) = (logging.logger("shop.orders"), clock.clone());
            threads.push(std::thread::spawn(move || take_orders(&log, worker, &clock)));
        }
        let loggers = Troubled {
            db: logging.logger("shop.db"),
            auth: logging.logger("shop.auth"),
            orders: logging.logger("shop.orders"),
        };
        threads.push(std::thread::spawn(move || loggers.fail(&clock)));
        Service { threads }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    pub(super) fn join(self) {
        for thread in self.threads {
            // A worker that panicked has said so in the log.
            let _logged = thread.join();
        }
    }
}

#[derive(Clone)]
struct Clock {
    start: Instant,
    duration: Duration,
    interrupt: Interrupt,
}

impl Clock {
    fn is_over(&self) -> bool {
        self.interrupt.is_asked() || self.start.elapsed() >= self.duration
    }

    /// Sleeps until this part of the running time has passed; whether to go on then.
    fn sleep_until(&self, part: f64) -> bool {
        while !self.is_over() && self.start.elapsed() < self.duration.mul_f64(part) {
            std::thread::sleep(Duration::from_millis(10));
        }
        !self.interrupt.is_asked()
    }
}

fn take_orders(log: &Logger, worker: u32, clock: &Clock) {
    let mut order = u64::from(worker) * 1_000_000;
    while !clock.is_over() {
        order += 1;
        let request = Context::new()
            .user_id(format!("user{}", fastrand::u32(1..500)))
            .request_id(format!("req-{order}"));
        let _scope = request.enter();
        let items = fastrand::u32(1..6);
        debug!(log, "order received"; "order_id" => order, "items" => items);
        let amount = f64::from(fastrand::u32(500..50_000)) / 100.0;
        {
            let _payment = request.child().enter();
            let duration_ms = fastrand::u32(3..40);
            info!(log, "payment authorized"; "order_id" => order, "amount" => amount,
                "duration_ms" => duration_ms);
        }
        info!(log, "order processed"; "order_id" => order, "amount" => amount);
        std::thread::sleep(PAUSE);
    }
}

/// Loggers of the parts that fail.
struct Troubled {
    db: Logger,
    auth: Logger,
    orders: Logger,
}

impl Troubled {
    /// The injected failures, spread over the running time.
    fn fail(&self, clock: &Clock) {
        type Failure = fn(&Troubled);
        let parts: [(f64, Failure); 5] = [
            (0.1, Self::refuse_connections),
            (0.15, Self::restore_connections),
            (0.3, Self::fail_to_authenticate),
            (0.45, Self::panic),
            (0.55, Self::fill_the_disk),
        ];
        for (part, fail) in parts {
            if !clock.sleep_until(part) {
                return;
            }
            fail(self);
        }
    }

    fn refuse_connections(&self) {
        for attempt in 1..=12 {
            error!(self.db, "cannot connect to the database: Connection refused (os error 111)";
                "db.system.name" => "postgresql", "server.address" => "10.0.0.5",
                "server.port" => 5432, "attempt" => attempt);
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn restore_connections(&self) {
        info!(self.db, "connection restored"; "attempt" => 13);
    }

    fn fail_to_authenticate(&self) {
        for attempt in 0..15 {
            warn!(self.auth, "authentication failed"; "client.address" => "203.0.113.7",
                "user.name" => ["admin", "root", "test"][attempt % 3]);
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    fn panic(&self) {
        let stock: Vec<u32> = Vec::new();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| quietly(|| stock[3]))) {
            let reason = panic.downcast_ref::<String>().map_or("unknown reason", |text| text);
            crit!(self.orders, "thread 'worker-7' panicked at src/stock.rs:41:9: {}", reason);
        }
    }

    fn fill_the_disk(&self) {
        error!(self.orders, "cannot write invoice: No space left on device (os error 28)";
            "path" => "/var/spool/invoices");
    }
}

/// Runs `f` without the default hook's words on stderr: the panic is part of the show.
fn quietly<R>(f: impl FnOnce() -> R) -> R {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(f));
    std::panic::set_hook(hook);
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
