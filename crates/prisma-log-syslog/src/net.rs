//! Sockets: opened in the background, never waited for without end.

pub(crate) mod back_off;
pub(crate) mod background;
pub(crate) mod datagrams;
pub(crate) mod link;
pub(crate) mod open;
pub(crate) mod outq;
pub(crate) mod resolve;
pub(crate) mod stream;
pub(crate) mod wait;
pub(crate) mod window;
