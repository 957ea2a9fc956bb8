//! Models of the protocols by which threads, the worker and the end of a pipeline work together.
//!
//! Each mirrors what `prisma-log-pipeline` does in a few lines, step by step and with the same memory
//! orders; loom runs it in every order that the memory model allows.
#![cfg(test)]

mod calibration;
mod chunk;
mod close;
