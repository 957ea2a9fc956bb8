//! Which file is read when the program names none.

use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// Where a file is looked for, relative to the working directory, in this order.
pub(crate) const USUAL_PLACES: [&str; 2] = ["config/logging.yaml", "logging.yaml"];

/// The file that the environment names, else the first of the usual places that exists.
pub(crate) fn choose_file(environment: &Environment, working_directory: &Path) -> Option<PathBuf> {
    if let Some(named) = environment.chosen_file() {
        return Some(PathBuf::from(named));
    }
    // A usual place that exists but can't be read is an error later, not a reason to go on.
    USUAL_PLACES
        .into_iter()
        .map(PathBuf::from)
        .find(|place| working_directory.join(place).symlink_metadata().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_first_then_the_usual_places_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let named = Environment::new([("PRISMA_LOG_CONFIG", "/etc/x.yaml")]);
        let nothing = Environment::default();
        assert_eq!(choose_file(&nothing, dir.path()), None);
        std::fs::write(dir.path().join("logging.yaml"), "").unwrap();
        assert_eq!(choose_file(&nothing, dir.path()), Some("logging.yaml".into()));
        std::fs::create_dir(dir.path().join("config")).unwrap();
        std::fs::write(dir.path().join("config/logging.yaml"), "").unwrap();
        assert_eq!(choose_file(&nothing, dir.path()), Some("config/logging.yaml".into()));
        assert_eq!(choose_file(&named, dir.path()), Some("/etc/x.yaml".into()));
    }
}
