use super::*;

mod double;
mod faults;
mod folder;
mod processes;
mod thread;
mod work;
