//! Text that lives as long as the program, for interfaces that demand it.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use slog::Key;

use crate::Site;
use crate::table::Table;

/// Most texts that are kept, and most bytes of one: a program has no more source files, modules
/// and functions that log; only made-up call sites could be more.
const MAX_TEXTS: usize = 16 * 1024;
const MAX_BYTES: usize = 1024;

thread_local! {
    /// The last call site asked for: records come in runs of the same.
    static LAST: Cell<Site<'static>> = const { Cell::new(Site::UNKNOWN) };
}

/// The call site with texts that live for ever. Each different text is kept, up to 16,384 of at most
/// 1,024 bytes; one that would exceed the bounds is left empty.
pub fn static_site(site: Site<'_>) -> Site<'static> {
    let last = LAST.try_with(Cell::get).unwrap_or(Site::UNKNOWN);
    if last == site {
        return last;
    }
    let [file, function, module] = intern([site.file, site.function, site.module]);
    let kept = Site { file, line: site.line, column: site.column, function, module };
    let _gone_at_the_threads_end = LAST.try_with(|last| last.set(kept));
    kept
}

/// The key as slog wants it, without an allocation for the first thousand of a program.
pub(crate) fn static_key(key: &str) -> Key {
    static KEYS: LazyLock<Table<&'static str>> = LazyLock::new(Table::new);
    match KEYS.get_or_keep(key, || Box::leak(Box::from(key))) {
        Some(&kept) => kept.into(),
        None => key.to_owned().into(),
    }
}

fn intern(texts: [&str; 3]) -> [&'static str; 3] {
    static TEXTS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut guard = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = guard.get_or_insert_default();
    texts.map(|text| keep(known, text, MAX_TEXTS))
}

fn keep(known: &mut HashSet<&'static str>, text: &str, limit: usize) -> &'static str {
    match known.get(text) {
        Some(kept) => kept,
        None if text.is_empty() || text.len() > MAX_BYTES || known.len() >= limit => "",
        None => {
            let kept: &'static str = Box::leak(text.into());
            known.insert(kept);
            kept
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_no_more_than_the_limit() {
        let mut known = HashSet::new();
        let first = keep(&mut known, "a", 2);
        assert!(std::ptr::eq(first, keep(&mut known, &String::from("a"), 2)));
        assert_eq!(["", "b", "c", "a"].map(|text| keep(&mut known, text, 2)), ["", "b", "", "a"]);
        assert_eq!(keep(&mut known, &"x".repeat(MAX_BYTES + 1), 9), "");
    }

    #[test]
    fn a_site_comes_back_as_it_is() {
        let text = String::from("src/made_up.rs");
        let mut site = Site::new(&text, 7, "m");
        for line in [7, 8, 8, 7] {
            site.line = line;
            assert_eq!(static_site(site), site);
        }
    }
}
