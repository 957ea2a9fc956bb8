//! The client's side.

mod call;
mod layer;
mod service;
mod settings;
mod url;

pub use call::ClientCall;
pub use layer::ClientLayer;
pub use service::ClientService;
