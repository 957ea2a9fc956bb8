//! File sink: whole records, size rotation, tail repair, several processes on one file.
