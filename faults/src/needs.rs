//! What rows can't do without: programs of other people, rights, kernel features.

use std::path::{Path, PathBuf};

/// For rows that need nothing but this program.
pub(crate) fn nothing() -> Result<(), String> {
    Ok(())
}

/// Where a program is, looked for where system programs are as well.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// These programs, each with the package that brings it.
pub(crate) fn programs(all: &[(&str, &str)]) -> Result<(), String> {
    let missing: Vec<String> = all
        .iter()
        .filter(|(name, _)| find(name).is_none())
        .map(|(name, package)| format!("`{name}` (package {package})"))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("there is no {}", missing.join(", no "))) }
}

/// The rights of root: for mounts, other users' files and limits.
pub(crate) fn root() -> Result<(), String> {
    if crate::os::is_root() { Ok(()) } else { Err("only root may do this".to_owned()) }
}

/// A file or device that must exist.
pub(crate) fn file(path: &str) -> Result<(), String> {
    if Path::new(path).exists() { Ok(()) } else { Err(format!("there is no {path}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        assert_eq!(programs(&[("sh", "dash")]), Ok(()));
        let missing = programs(&[("sh", "dash"), ("no-such-program", "a-package")]);
        assert_eq!(missing, Err("there is no `no-such-program` (package a-package)".to_owned()));
    }
}
