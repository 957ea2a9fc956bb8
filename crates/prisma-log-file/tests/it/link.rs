//! The link that leads to the current file.

use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::path::Path;

use prisma_log_core::{Sink as _, SinkCommand};
use prisma_log_file::Rotation;
use tempfile::TempDir;

use crate::support::{lines, quiet, write};

#[test]
fn leads_to_the_file_over_rotations_and_from_elsewhere() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("logs/app.log");
    for (link, target) in [
        (folder.path().join("logs/current"), Path::new("app.log")),
        (folder.path().join("now"), &path),
    ] {
        let rotation = Rotation::new().max_bytes(1024);
        let mut sink = quiet(&path).rotation(rotation).current_link(&link).build().unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), target);
        for text in ["one", &"x".repeat(1020), "two"] {
            write(&mut sink, &[text]).unwrap();
        }
        assert_eq!(lines(&[&link]).last().unwrap(), "two");
        // Somebody deletes it: a reopening makes it again.
        fs::remove_file(&link).unwrap();
        sink.command(SinkCommand::Reopen).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), target);
        // And so does a folder that is made again.
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        write(&mut sink, &["three"]).unwrap();
        assert_eq!(lines(&[&link]), ["three"]);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}

#[test]
fn replaces_a_link_of_ours_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let (path, link) = (folder.path().join("app.log"), folder.path().join("current"));
    let open = || quiet(&path).current_link(&link).build();
    symlink("old.log", &link).unwrap();
    // What a process left that died while it replaced the link.
    symlink("older.log", folder.path().join(".current.link.tmp")).unwrap();
    open().unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("app.log"));
    assert!(fs::symlink_metadata(folder.path().join(".current.link.tmp")).is_err());

    fs::remove_file(&link).unwrap();
    // Somebody else's is left alone, unless it leads to the file.
    symlink("elsewhere", &link).unwrap();
    if lchown(&link, Some(65_534), None).is_ok() {
        assert!(open().is_err());
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("elsewhere"));
    }
    fs::remove_file(&link).unwrap();
    fs::write(&link, "somebody's").unwrap();
    let error = open().unwrap_err();
    assert!(error.is_config() && error.to_string().contains("current"), "{error}");
    assert_eq!(fs::read_to_string(&link).unwrap(), "somebody's");
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    assert!(open().is_err());
    let error = quiet(&path).current_link(&path).build().unwrap_err();
    assert!(error.to_string().contains("can't be a link"), "{error}");
}
