//! The layers around real services, seen through the records they leave.

mod client;
mod concurrent;
mod endings;
mod hostile;
mod over_tcp;
mod rules;
mod server;
mod support;
