//! Examples, one file per task, under `examples/`.
