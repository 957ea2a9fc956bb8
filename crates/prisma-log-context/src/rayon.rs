//! Work on rayon's threads in the context of whoever hands it over.
//!
//! Within parallel iterators a context is entered per item: `items.par_iter().for_each(|item|
//! context.run(|| work(item)))`.

use crate::carry;

/// As [`::rayon::spawn`], in the context that is current now.
pub fn spawn(f: impl FnOnce() + Send + 'static) {
    ::rayon::spawn(carry(f));
}

/// As [`::rayon::join`], both in the context that is current now.
pub fn join<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    ::rayon::join(carry(a), carry(b))
}
