//! Tests that change the whole process, or end it: each runs its scene in a child, which is this
//! test binary again, and looks at what became of it.

use prisma_log_core::{Clock as _, SystemClock};

use super::*;
use crate::clock::{Clock, ClockKind};

const SCENE: &str = "PRISMA_LOG_TEST_SCENE";

/// Runs a scene in a child process; its output and how it ended.
fn play(scene: &str) -> (String, ExitStatus) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .arg("os::tests::in_their_own_process::scenes")
        .env(SCENE, scene)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let told = text.lines().filter_map(|line| line.split_once("told ")).map(|(_, told)| told);
    (told.collect::<Vec<_>>().join(" "), output.status)
}

/// Tells the parent something, with one `write`: in a forked child nothing else is safe.
fn tell(what: &str) {
    let line = format!("\ntold {what}\n");
    // SAFETY: the bytes live through the call.
    unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
}

/// Runs `f` in a forked child and gives its wait status.
fn fork(f: impl FnOnce()) -> ExitStatus {
    // SAFETY: the child does only what its callers below do, and never returns from here.
    let child = unsafe { libc::fork() };
    if child == 0 {
        f();
        // SAFETY: takes a number.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: there is room for one status.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    ExitStatus::from_raw(status)
}

/// Sends a signal to this thread, which has handled it when this returns.
fn raise(signal: i32) {
    // SAFETY: takes a number.
    unsafe { libc::raise(signal) };
}

fn set_action(signal: i32, action: libc::sighandler_t) {
    // SAFETY: SIG_DFL, SIG_IGN or a handler that only counts.
    unsafe { libc::signal(signal, action) };
}

static HANDLED: AtomicI32 = AtomicI32::new(0);

extern "C" fn count(signal: libc::c_int) {
    HANDLED.fetch_add(signal, Ordering::SeqCst);
}

fn counting() -> libc::sighandler_t {
    count as extern "C" fn(libc::c_int) as libc::sighandler_t
}

fn handled() -> i32 {
    HANDLED.load(Ordering::SeqCst)
}

#[test]
#[ignore = "played in a child process by the other tests"]
fn scenes() {
    const TERM: i32 = libc::SIGTERM;
    const INT: i32 = libc::SIGINT;
    let scene = env::var(SCENE).unwrap_or_default();
    match scene.as_str() {
        "exit hook" => {
            extern "C" fn first() {
                tell("first");
            }
            extern "C" fn second() {
                tell("second");
            }
            assert!(at_exit(first));
            assert!(at_exit(second)); // changes nothing
            std::process::exit(3);
        }
        "fork hooks" => {
            extern "C" fn prepare() {
                tell("prepare");
            }
            extern "C" fn parent() {
                HANDLED.store(1, Ordering::SeqCst);
            }
            extern "C" fn child() {
                HANDLED.store(2, Ordering::SeqCst);
            }
            assert!(at_fork(prepare, parent, child));
            assert!(at_fork(parent, parent, parent)); // changes nothing
            assert!(fork(|| tell(&format!("child {}", handled()))).success());
            tell(&format!("parent {}", handled()));
        }
        "forked clock" => {
            let clock = Clock::new(None);
            let calibrate = || {
                for _ in 0..2 {
                    thread::sleep(std::time::Duration::from_millis(25));
                    clock.tick();
                }
                let system = SystemClock.now().unix_nanos() as u64;
                format!("{:?} {}", clock.kind(), clock.now().abs_diff(system) < 50_000_000)
            };
            let in_child = || tell(&calibrate());
            fork(in_child); // before the first calibration
            tell(&calibrate());
            fork(in_child);
        }
        "default action" => {
            set_action(TERM, counting());
            // SAFETY: the set is initialised before it is used.
            unsafe {
                let mut set = std::mem::zeroed();
                libc::sigfillset(&raw mut set);
                libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
            }
            raise_default(TERM);
        }
        "harmless default action" => raise_default(libc::SIGCHLD),
        "first signal" => {
            let pipe = SignalPipe::install(&[INT, TERM]).unwrap();
            raise(TERM);
            let signal = pipe.wait();
            tell(&format!("heard {signal}"));
            pipe.pass_on(signal);
            tell("not reached");
        }
        "second signal" => {
            let pipe = SignalPipe::install(&[INT, TERM]).unwrap();
            raise(TERM);
            tell(&format!("heard {}", pipe.wait()));
            raise(INT); // while the queue would be flushed
            tell("not reached");
        }
        "blocked wait" => {
            let pipe = SignalPipe::install(&[TERM]).unwrap();
            thread::scope(|scope| {
                let waiting = scope.spawn(|| pipe.wait());
                thread::sleep(std::time::Duration::from_millis(50));
                raise(TERM);
                tell(&format!("heard {}", waiting.join().unwrap()));
                let waiting = scope.spawn(|| pipe.wait());
                thread::sleep(std::time::Duration::from_millis(50));
                pipe.wake();
                tell(&format!("heard {}", waiting.join().unwrap()));
            });
        }
        "ignored signal" => {
            set_action(INT, libc::SIG_IGN);
            let pipe = SignalPipe::install(&[INT]).unwrap();
            raise(INT);
            pipe.wake();
            tell(&format!("heard {}", pipe.wait()));
        }
        "previous handler" => {
            set_action(TERM, counting());
            let pipe = SignalPipe::install(&[TERM]).unwrap();
            raise(TERM);
            tell(&format!("heard {} handled {}", pipe.wait(), handled()));
            pipe.pass_on(TERM);
            while handled() == 0 {
                thread::yield_now(); // any thread may be the one that handles it
            }
            tell(&format!("handled {}", handled()));
        }
        "later handler" => {
            let pipe = SignalPipe::install(&[TERM]).unwrap();
            set_action(TERM, counting());
            raise(TERM);
            pipe.pass_on(TERM); // theirs had it already
            drop(pipe);
            raise(TERM);
            tell(&format!("handled {}", handled()));
        }
        "forked child" => {
            let pipe = SignalPipe::install(&[TERM]).unwrap();
            let status = fork(|| {
                raise(TERM);
                tell("not reached");
            });
            tell(&format!("child ended by {:?}", status.signal()));
            let status = fork(|| {
                let own = SignalPipe::install(&[TERM]).unwrap();
                raise(TERM);
                tell(&format!("child heard {}", own.wait()));
                drop(own);
                raise(TERM);
            });
            tell(&format!("child ended by {:?}", status.signal()));
            pipe.wake();
            tell(&format!("heard {}", pipe.wait()));
            raise(TERM);
            tell(&format!("heard {}", pipe.wait()));
        }
        "one at a time" => {
            let refused = SignalPipe::install(&[TERM, libc::SIGKILL]).unwrap_err();
            let pipe = SignalPipe::install(&[TERM]).unwrap();
            let second = SignalPipe::install(&[INT]).unwrap_err().kind();
            pipe.wake(); // must not be heard by the next one
            drop(pipe);
            set_action(INT, counting());
            let pipe = SignalPipe::install(&[INT]).unwrap();
            raise(INT);
            tell(&format!("{} {second:?} heard {}", refused.raw_os_error().unwrap(), pipe.wait()));
            drop(pipe);
            raise(INT);
            tell(&format!("handled {}", handled()));
            raise(TERM);
            tell("not reached");
        }
        other => panic!("no scene {other:?}"),
    }
}

#[test]
fn hooks_run_once_at_exit_and_around_forks() {
    let (told, status) = play("exit hook");
    assert_eq!((told.as_str(), status.code()), ("first", Some(3)));
    let (told, status) = play("fork hooks");
    assert_eq!((told.as_str(), status.code()), ("prepare child 2 parent 1", Some(0)));
}

#[test]
fn the_clock_goes_on_in_a_forked_child() {
    let kind = match Clock::new(None) {
        clock if clock.may_use_counter() => ClockKind::Tsc,
        _ => ClockKind::System,
    };
    let (told, status) = play("forked clock");
    assert_eq!(told, [(); 3].map(|()| format!("{kind:?} true")).join(" "));
    assert!(status.success());
}

#[test]
fn the_default_action_ends_the_process_as_the_signal_does() {
    let (_, status) = play("default action");
    assert_eq!(status.signal(), Some(libc::SIGTERM));
    let (_, status) = play("harmless default action");
    assert_eq!(status.code(), Some(128 + libc::SIGCHLD));
}

#[test]
fn signals_are_heard_and_passed_on() {
    let check = |scene: &str, expect: &str, by: Option<i32>| {
        let (told, status) = play(scene);
        assert_eq!((told.as_str(), status.signal()), (expect, by), "{scene}: {status}");
    };
    check("first signal", "heard 15", Some(15));
    check("second signal", "heard 15", Some(2));
    check("blocked wait", "heard 15 heard 0", None);
    check("ignored signal", "heard 0", None);
    check("previous handler", "heard 15 handled 0 handled 15", None);
    check("later handler", "handled 30", None);
    let forked = "child ended by Some(15) child heard 15 child ended by Some(15) heard 0 heard 15";
    check("forked child", forked, None);
    check("one at a time", "22 AlreadyExists heard 2 handled 2", Some(15));
}
