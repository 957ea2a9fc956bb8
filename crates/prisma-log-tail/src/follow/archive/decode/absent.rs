//! A format that was not built in.

use super::Decoder;

pub(super) const IS_BUILT_IN: bool = false;

pub(super) fn decoder() -> Result<Box<dyn Decoder>, String> {
    Err("the format was not built in".to_owned())
}
