use std::panic::{catch_unwind, panic_any};
use std::sync::Mutex;
use std::thread;

use super::*;

/// The hook is one for the process: tests that set it take turns. Other tests panic meanwhile, so
/// each looks at its own threads only, by name.
static TURN: Mutex<()> = Mutex::new(());

type Notes = Arc<Mutex<Vec<String>>>;

fn note_panics(notes: &Notes, who: &'static str, of: &'static str) -> HookHandle {
    let notes = notes.clone();
    install(move |facts| {
        if facts.thread == of {
            let (file, line, _) = facts.location.unwrap();
            assert!(line > 0);
            let here = file.ends_with("panics/tests.rs");
            notes.lock().unwrap().push(format!("{who}: {} {here}", facts.payload));
        }
    })
}

/// Lets `f` panic in a thread called `name`.
fn panic_in(name: &str, f: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name(name.into()).spawn(f).unwrap();
    assert!(thread.join().is_err());
}

#[test]
fn each_panic_is_reported_before_the_previous_hook_runs() {
    const NAME: &str = "panics 1";
    let _turn = TURN.lock();
    let notes = Notes::default();
    let before = std::panic::take_hook();
    let previous = notes.clone();
    std::panic::set_hook(Box::new(move |_| {
        if thread::current().name() == Some(NAME) {
            previous.lock().unwrap().push("previous".into());
        }
    }));
    let handle = note_panics(&notes, "a", NAME);
    panic_in(NAME, || panic!("plain"));
    panic_in(NAME, || panic!("number {}", 1));
    panic_in(NAME, || panic_any(7));
    let second = note_panics(&notes, "b", NAME);
    panic_in(NAME, || panic!("two"));
    drop(handle);
    panic_in(NAME, || panic!("one left"));
    drop(second);
    panic_in(NAME, || panic!("none left"));
    std::panic::set_hook(before);
    let expect = [
        "a: plain true",
        "previous",
        "a: number 1 true",
        "previous",
        "a: Box<dyn Any> true",
        "previous",
        "b: two true",
        "a: two true",
        "previous",
        "b: one left true",
        "previous",
        "previous",
    ];
    assert_eq!(*notes.lock().unwrap(), expect);
}

#[test]
fn many_threads_panic_at_once_and_each_is_told() {
    const NAME: &str = "panics 2";
    let _turn = TURN.lock();
    let notes = Notes::default();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let handle = note_panics(&notes, "a", NAME);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..4 {
                    panic_in(NAME, || panic!("again"));
                }
            });
        }
    });
    drop(handle);
    std::panic::set_hook(before);
    assert_eq!(*notes.lock().unwrap(), vec!["a: again true"; 32]);
}

#[inline(never)]
fn where_it_happened(depth: u32) -> u32 {
    if depth == 0 {
        panic!("deep");
    }
    std::hint::black_box(where_it_happened(depth - 1)) + 1
}

#[test]
fn backtraces_begin_where_it_happened_and_are_cut() {
    const NAME: &str = "panics 3";
    let _turn = TURN.lock();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let found = Arc::new(Mutex::new(Vec::new()));
    let traces = found.clone();
    let handle = install(move |facts| {
        if facts.thread == NAME {
            traces.lock().unwrap().push(facts.backtrace.to_owned());
        }
    });
    panic_in(NAME, || assert_eq!(where_it_happened(2), 2));
    panic_in(NAME, || assert_eq!(where_it_happened(2_000), 2_000));
    drop(handle);
    std::panic::set_hook(before);
    let traces = found.lock().unwrap();
    for trace in &*traces {
        let first = trace.lines().next().unwrap();
        assert!(first.contains("where_it_happened"), "{trace}");
    }
    assert!(traces[0].lines().filter(|line| line.contains("::where_it_happened")).count() >= 3);
    assert!(traces[0].len() < traces[1].len());
    assert!((MAX_BACKTRACE - 3..=MAX_BACKTRACE).contains(&traces[1].len()));
}

#[test]
fn nothing_is_installed_by_a_panicking_thread() {
    struct InstallsOnDrop;
    impl Drop for InstallsOnDrop {
        fn drop(&mut self) {
            drop(install(|_| {}));
        }
    }
    let _turn = TURN.lock();
    assert!(
        catch_unwind(|| {
            let _guard = InstallsOnDrop;
            panic!("with a guard");
        })
        .is_err()
    );
}

#[test]
fn the_machinery_of_a_panic_is_left_out() {
    let check = |text: &str, expect: &str| assert_eq!(&text[machinery(text)..], expect);
    check("", "");
    check("   0: a::b\n             at x.rs:1:2\n", "   0: a::b\n             at x.rs:1:2\n");
    check(
        "   0: std::backtrace::Backtrace::create\n   1: hook\n   2: std::panicking::begin\n \
                at panic.rs:1:1\n   3: core::panicking::panic\n   4: mine\n      at m.rs:4:9\n",
        "   4: mine\n      at m.rs:4:9\n",
    );
    check("   0: core::panicking::panic\n", "   0: core::panicking::panic\n");
    check("disabled backtrace", "disabled backtrace");
}
