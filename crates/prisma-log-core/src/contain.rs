//! Running what users wrote: whatever it does, the call goes on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`; a panic in it comes back as the text that it was raised with.
///
/// # Errors
/// That text, when `f` panicked.
pub fn contain<R>(f: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let reason = reason(&*payload).to_owned();
        // What a panic is raised with may panic itself when it is dropped; what that is raised with
        // is not given another chance.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        reason
    })
}

/// What a record says in place of something that panicked with this text.
pub fn panic_mark(reason: &str) -> String {
    format!("<panicked: {reason}>")
}

fn reason(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_back_as_its_text() {
        struct PanicsOnDrop;
        impl Drop for PanicsOnDrop {
            fn drop(&mut self) {
                panic!("in drop");
            }
        }
        assert_eq!(contain(|| 7), Ok(7));
        assert_eq!(contain(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        assert_eq!(contain(|| panic!("number {}", 1)), Err::<(), _>("number 1".to_owned()));
        let thrown = contain(|| std::panic::panic_any(PanicsOnDrop));
        assert_eq!(thrown, Err::<(), _>("unknown reason".to_owned()));
    }
}
