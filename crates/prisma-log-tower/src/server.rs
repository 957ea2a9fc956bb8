//! The server's side.

mod client_address;
mod exchange;
mod layer;
mod request_id;
mod service;
mod settings;
mod stats;

pub(crate) use exchange::Exchange;
pub use layer::ServerLayer;
pub use service::ServerService;
pub use stats::ServerStats;
