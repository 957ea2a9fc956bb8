//! Dispatching against a clock that is moved by hand.

mod model;
mod rules;
mod storm;
mod world;
