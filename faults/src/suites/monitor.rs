//! The monitor, and what happens to it and to the files that it watches.
//!
//! A row more is a module here with a `pub(super) static ROW: Row`, and its place in the list below.

mod bits;
mod evil;
mod kills;
mod storm;

use super::{Row, Suite, got};

pub(super) static SUITE: Suite = Suite {
    name: "monitor",
    heading: "From the file to the alert",
    about: "Files that are written and rotated in every way while the monitor that reads them is \
        killed; lines, patterns and stores that mean it ill. A line is *counted* when it is in the \
        count of its alert in the store.",
    // One a line; the page has them in this order.
    rows: &[&kills::ROW, &bits::ROW, &storm::ROW, &evil::ROW],
};
