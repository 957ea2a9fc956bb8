//! Traces for people and for programs.

mod bar;
mod json;
mod layout;
mod notes;
mod rows;
mod table;
mod time;

pub(crate) use json::{print_slowest as print_slowest_json, print_tree as print_tree_json};
pub(crate) use notes::{by_service, of_files, of_slowest, of_trace};
pub(crate) use rows::print as print_tree;
pub(crate) use table::print as print_slowest;
