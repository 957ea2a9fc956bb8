//! For those who write a front end: what every one of them needs and none should write anew.
//!
//! A front end takes log calls and hands records to sinks, as [`SinkDrain`](crate::SinkDrain)
//! does. It must contain whatever users' code does ([`contain`]), report what fails in the
//! background ([`Reporter`]), and capture values alike ([`shortest_f64`], [`lend_serde`]), so that
//! a call means the same under each; [`emit_reversed`] is for what makes records of its own, such as
//! spans and bridges, and so is [`Table`]. Programs and sinks need none of this.

pub use crate::contain::{contain, panic_mark};
pub use crate::drain_sink::emit_reversed;
pub use crate::normal::shortest_f64;
pub use crate::report::{ErrorHandler, Reporter};
pub use crate::serde_value::lend_serde;
pub use crate::static_str::static_site;
pub use crate::table::Table;
