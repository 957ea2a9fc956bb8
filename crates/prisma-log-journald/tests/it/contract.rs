//! The contract of all sinks.

use std::cell::RefCell;

use prisma_log_testkit::contract;

use crate::double::{Double, Entry};

/// An entry as a line: the message is escaped, because the journal keeps control characters.
fn line(entry: &Entry) -> String {
    entry.text("MESSAGE").escape_debug().to_string()
}

#[test]
fn holds_for_entries() {
    // The suite writes thousands of records before it reads: the journal reads all the time.
    let double = Double::new().into_thread();
    let seen = RefCell::new(Vec::new());
    contract::run(
        || double.builder().build().unwrap(),
        || {
            seen.borrow_mut().extend(double.entries().iter().map(line));
            seen.borrow().clone()
        },
    );
}

#[test]
fn what_was_taken_is_told_exactly() {
    let double = RefCell::new(Double::new());
    let seen = RefCell::new(Vec::new());
    let mut sink = double.borrow().sink();
    let rounds = RefCell::new(0);
    contract::failure(
        &mut sink,
        |on| {
            let mut double = double.borrow_mut();
            if on {
                *rounds.borrow_mut() += 1;
                let keep_name = *rounds.borrow() % 2 == 0;
                seen.borrow_mut().extend(double.stop(keep_name).iter().map(line));
            } else {
                double.start();
            }
        },
        || {
            seen.borrow_mut().extend(double.borrow().entries().iter().map(line));
            seen.borrow().clone()
        },
    );
}
