//! Which spans the calling thread is in.

use std::cell::RefCell;

use prisma_log_context::{Scope, Span};

thread_local! {
    /// Outermost first.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

struct Entered {
    /// The layer's and the span's numbers.
    key: (u64, u64),
    /// The span was left, but one inside it was not yet: its scope would take that one's with it.
    left: bool,
    scope: Scope,
}

/// Makes the span the thread's context.
pub(super) fn enter(key: (u64, u64), span: &Span) {
    let scope = span.enter();
    // At the thread's end there is no list any more, and the scope goes with its end.
    let _entered = ENTERED.try_with(|entered| {
        entered.borrow_mut().push(Entered { key, left: false, scope });
    });
}

/// Leaves the span, whichever were entered after it: the innermost that was not left is the thread's
/// context.
pub(super) fn exit(key: (u64, u64)) {
    let gone = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let found = entered.iter_mut().rev().find(|entry| entry.key == key && !entry.left);
        if let Some(entry) = found {
            entry.left = true;
        }
        let end = entered.iter().rposition(|entry| !entry.left).map_or(0, |last| last + 1);
        // One, nearly always.
        match entered.len() - end {
            0 => (None, Vec::new()),
            1 => (entered.pop(), Vec::new()),
            _ => (None, entered.split_off(end)),
        }
    });
    // Innermost first, outside the borrow.
    if let Ok((last, mut several)) = gone {
        drop(last.map(|entry| entry.scope));
        while let Some(entry) = several.pop() {
            drop(entry.scope);
        }
    }
}
