//! What is compressed, what is finished, and what is left alone.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use super::double::{Trap, Trapped};
use super::folder::{Heard, LEN, Site, archive, formats, lines, names, packed, pass, unpack};
use super::*;

#[test]
fn all_but_the_newest() {
    for packing in formats() {
        for count in [1, 2, 5] {
            let site = Site::of(count);
            assert!(site.pass(packing));
            site.check_done(packing);
            // Nothing is left to do.
            let before = site.files();
            assert!(site.pass(packing));
            assert_eq!(site.files(), before);
        }
    }
}

#[test]
fn nothing_to_do() {
    for packing in formats() {
        let site = Site::new(Vec::new());
        assert!(site.pass(packing));
        assert!(site.files().is_empty());
    }
}

#[test]
fn empty_and_sparse_and_odd_lengths() {
    let piece = super::folder::SMALL_PIECE;
    for packing in formats() {
        let mut contents = vec![Vec::new(), vec![b'\n'], vec![0; 3 * piece]];
        contents.extend([piece - 1, piece, piece + 1, 2 * piece].map(|len| lines(9, len)));
        contents.push(fastrand::Rng::with_seed(1).sample_bytes(2 * piece + 5));
        contents.push(lines(0, 10));
        let site = Site::new(contents);
        assert!(site.pass(packing));
        site.check_done(packing);
    }
}

trait Sample {
    fn sample_bytes(&mut self, len: usize) -> Vec<u8>;
}

impl Sample for fastrand::Rng {
    fn sample_bytes(&mut self, len: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.u8(..)).take(len).collect()
    }
}

#[test]
fn a_file_with_a_hole() {
    for packing in formats() {
        let site = Site::of(2);
        let path = site.dir.path().join(site.name(&archive(0)));
        let mut file = File::options().write(true).open(&path).unwrap();
        file.set_len(0).unwrap();
        file.seek(SeekFrom::Start(8 << 20)).unwrap();
        file.write_all(b"after the hole\n").unwrap();
        drop(file);
        let expect = fs::read(&path).unwrap();
        assert!(site.pass(packing));
        let found = &site.files()[&site.packed_name(0, packing)];
        assert!(found.len() < 64 * 1024, "{} bytes", found.len());
        assert!(unpack(packing, found) == expect);
    }
}

#[test]
fn tools_of_others_read_it() {
    for (packing, tool) in [(Packing::Gzip, "gzip"), (Packing::Zstd, "zstd")] {
        if !packing.is_built_in() {
            continue;
        }
        let there = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        if there.is_err() {
            assert!(std::env::var_os("CI").is_none(), "{tool} is not installed");
            eprintln!("skipped: {tool} is not installed");
            continue;
        }
        let site = Site::of(2);
        let expect = site.files()[&site.name(&archive(0))].clone();
        assert!(site.pass(packing));
        let path = site.dir.path().join(site.packed_name(0, packing));
        let checked = Command::new(tool).arg("-tq").arg(&path).status().unwrap();
        assert!(checked.success());
        let found = Command::new(tool).arg("-dc").arg(&path).output().unwrap();
        assert!(found.status.success() && found.stdout == expect);
    }
}

#[test]
fn an_archive_that_somebody_still_has_open_waits() {
    for packing in formats() {
        let site = Site::of(3);
        let path = site.dir.path().join(site.name(&archive(0)));
        let writer = File::options().append(true).open(&path).unwrap();
        writer.lock_shared().unwrap();
        assert!(!site.pass(packing));
        assert!(path.exists() && !site.files().contains_key(&site.packed_name(0, packing)));
        // The others don't.
        assert!(site.files().contains_key(&site.packed_name(1, packing)));
        drop(writer);
        assert!(site.pass(packing));
        site.check_done(packing);
    }
}

#[test]
fn a_half_made_file_is_removed_unless_somebody_makes_it() {
    for packing in formats() {
        let site = Site::of(3);
        let (ours, theirs) = (site.temporary(0, packing), site.temporary(1, packing));
        site.put(&ours, b"half", 0);
        site.put(&theirs, b"half", 0);
        // Of a format that is not asked for any more, and of an archive that is gone.
        let other = Packing::ALL.into_iter().find(|other| *other != packing).unwrap();
        site.put(&site.temporary(0, other), b"half", 0);
        site.put(&site.temporary(7, packing), b"half", 0);
        let maker = File::open(site.dir.path().join(&theirs)).unwrap();
        maker.lock().unwrap();
        assert!(!site.pass(packing));
        let files = site.files();
        let left = files.keys().filter(|name| name.ends_with(".tmp")).collect::<Vec<_>>();
        assert_eq!(left, [&theirs]);
        assert!(files.contains_key(&site.packed_name(0, packing)));
        assert!(!files.contains_key(&site.packed_name(1, packing)));
        drop(maker);
        assert!(site.pass(packing));
        site.check_done(packing);
    }
}

#[test]
fn stale_files_go_without_a_compressor_too() {
    let site = Site::of(2);
    let before = site.files();
    for (index, packing) in Packing::ALL.into_iter().enumerate() {
        site.put(&site.temporary(index, packing), b"half", 0);
    }
    let user = super::folder::real_fs().user();
    remove_stale(&*site.folder(), &names(), user + 1).unwrap();
    assert_eq!(site.files().len(), before.len() + 2);
    remove_stale(&*site.folder(), &names(), user).unwrap();
    assert_eq!(site.files(), before);
}

#[test]
fn beside_a_compressed_file_the_plain_one_goes_only_if_they_are_the_same() {
    for packing in formats() {
        let site = Site::of(3);
        let plain = site.files()[&site.name(&archive(0))].clone();
        let whole = packed(packing, &plain);
        let mut longer = plain.clone();
        longer.push(b'x');
        let mut another = plain.clone();
        another[LEN - 1] ^= 1;
        let check = |beside: &[u8], removed: bool| {
            let site = Site::of(3);
            site.put(&site.packed_name(0, packing), beside, 0);
            let heard = Heard::default();
            let mut left_alone = Vec::new();
            assert!(pass(&*site.folder(), packing, &heard, &mut left_alone));
            let files = site.files();
            assert_eq!(!files.contains_key(&site.name(&archive(0))), removed);
            assert_eq!(files[&site.packed_name(0, packing)], beside);
            assert!(files.contains_key(&site.packed_name(1, packing)));
            if removed {
                assert!(heard.errors().is_empty() && left_alone.is_empty());
                return;
            }
            assert!(heard.errors()[0].contains("holds something else"), "{:?}", heard.errors());
            assert_eq!(left_alone, [archive(0)]);
            // It is told once.
            assert!(pass(&*site.folder(), packing, &heard, &mut left_alone));
            assert_eq!(heard.errors().len(), 1);
        };
        check(&whole, true);
        check(b"", plain.is_empty());
        check(b"no such format", false);
        check(&whole[..whole.len() - 1], false);
        check(&whole[..whole.len() / 2], false);
        check(&packed(packing, &longer), false);
        check(&packed(packing, &another), false);
        check(&packed(packing, &plain[..plain.len() - 1]), false);
        check(&packed(packing, b""), false);
    }
}

#[test]
fn the_newest_is_not_touched_even_beside_a_compressed_one() {
    for packing in formats() {
        let site = Site::of(1);
        let content = site.files()[&site.name(&archive(0))].clone();
        site.put(&site.packed_name(0, packing), &packed(packing, &content), 0);
        let before = site.files();
        assert!(site.pass(packing));
        assert_eq!(site.files(), before);
    }
}

#[test]
fn what_is_no_file_of_ours_is_left_alone() {
    for packing in formats() {
        let site = Site::of(1);
        let path = |name: String| site.dir.path().join(name);
        let outside = site.dir.path().join("outside");
        fs::write(&outside, "of others").unwrap();
        // All of them older than the newest.
        let name = |seconds: i64| {
            let mut odd = archive(0);
            odd.stamp.seconds -= seconds;
            site.name(&odd)
        };
        symlink(&outside, path(name(1))).unwrap();
        fs::create_dir(path(name(2))).unwrap();
        fs::hard_link(&outside, path(name(3))).unwrap();
        assert!(Command::new("mkfifo").arg(path(name(4))).status().unwrap().success());
        symlink("/nowhere", path(name(5))).unwrap();
        symlink(&outside, path(site.temporary(7, packing))).unwrap();
        fs::create_dir(path(site.temporary(8, packing))).unwrap();
        assert!(site.pass(packing));
        assert_eq!(fs::read(&outside).unwrap(), b"of others");
        assert_eq!(fs::read_dir(site.dir.path()).unwrap().count(), 2 + 1 + 5 + 2);
    }
}

#[test]
fn something_at_the_temporary_name_is_never_overwritten() {
    for packing in formats() {
        let site = Site::of(2);
        let outside = site.dir.path().join("outside");
        fs::write(&outside, "of others").unwrap();
        symlink(&outside, site.dir.path().join(site.temporary(0, packing))).unwrap();
        assert!(!site.pass(packing));
        assert_eq!(fs::read(&outside).unwrap(), b"of others");
        site.check_readable();
    }
}

/// A pass during which somebody else does something.
fn surprised(
    site: &Site,
    packing: Packing,
    at: usize,
    call: &'static str,
    what: impl FnOnce() + Send + 'static,
) -> (bool, Vec<String>) {
    let heard = Heard::default();
    let trap = Trap::surprise(at, call, what);
    let folder = Trapped { inner: site.folder(), trap: Arc::clone(&trap) };
    let all = pass(&folder, packing, &heard, &mut Vec::new());
    assert!(trap.was_sprung());
    (all, heard.errors())
}

#[test]
fn an_archive_that_grows_meanwhile_is_begun_anew() {
    for packing in formats() {
        for at in [2, 3] {
            let site = Site::of(2);
            let path = site.dir.path().join(site.name(&archive(0)));
            let grows = path.clone();
            // By a program that knows of no locks.
            let (all, errors) = surprised(&site, packing, at, "read_at", move || {
                let mut file = File::options().append(true).open(grows).unwrap();
                file.write_all(b"one more\n").unwrap();
            });
            assert!(!all && errors[0].contains("wrote to it meanwhile"), "{errors:?}");
            assert_eq!(site.files().len(), 2);
            let expect = fs::read(&path).unwrap();
            assert!(expect.ends_with(b"one more\n"));
            assert!(site.pass(packing));
            assert!(unpack(packing, &site.files()[&site.packed_name(0, packing)]) == expect);
        }
    }
}

#[test]
fn an_archive_that_was_deleted_meanwhile_does_not_come_back() {
    for packing in formats() {
        // Between two pieces, while one is written, and when all is written.
        for (at, call) in [(2, "read_at"), (1, "append"), (1, "sync")] {
            let site = Site::of(3);
            let path = site.dir.path().join(site.name(&archive(1)));
            let (all, errors) =
                surprised(&site, packing, at, call, move || fs::remove_file(path).unwrap());
            assert!(all && errors.is_empty(), "{errors:?}");
            let expect = [site.packed_name(0, packing), site.name(&archive(2))];
            assert_eq!(site.files().into_keys().collect::<Vec<_>>(), expect);
        }
    }
}

#[test]
fn no_more_is_read_of_an_archive_that_was_deleted() {
    for packing in formats() {
        let site = Site::new(vec![lines(0, 100 * super::folder::SMALL_PIECE), lines(1, 10)]);
        let path = site.dir.path().join(site.name(&archive(0)));
        let heard = Heard::default();
        let trap = Trap::surprise(2, "read_at", move || fs::remove_file(path).unwrap());
        let folder = Trapped { inner: site.folder(), trap: Arc::clone(&trap) };
        assert!(pass(&folder, packing, &heard, &mut Vec::new()));
        assert_eq!(trap.log().iter().filter(|call| **call == "read_at").count(), 2);
        assert_eq!(site.files().len(), 1);
    }
}

#[test]
fn an_archive_that_was_deleted_last_of_all_does_not_come_back() {
    for packing in formats() {
        let site = Site::of(2);
        let path = site.dir.path().join(site.name(&archive(0)));
        let (_, errors) = surprised(&site, packing, 1, "rename", move || {
            fs::remove_file(&path).unwrap();
        });
        assert!(errors.is_empty(), "{errors:?}");
        let files = site.files();
        assert_eq!(files.keys().collect::<Vec<_>>(), [&site.name(&archive(1))]);
    }
}

#[test]
fn an_archive_that_was_replaced_meanwhile_is_not_deleted() {
    for packing in formats() {
        let site = Site::of(2);
        let path = site.dir.path().join(site.name(&archive(0)));
        let at = path.clone();
        let (_, errors) = surprised(&site, packing, 1, "sync", move || {
            fs::rename(&at, at.with_extension("old")).unwrap();
            fs::write(&at, "another").unwrap();
        });
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(fs::read(&path).unwrap(), b"another");
        assert!(!site.files().contains_key(&site.packed_name(0, packing)));
    }
}

#[test]
fn a_name_that_was_taken_meanwhile_is_not_overwritten() {
    for packing in formats() {
        let site = Site::of(2);
        let path = site.dir.path().join(site.packed_name(0, packing));
        let taken = path.clone();
        let (all, errors) =
            surprised(&site, packing, 1, "sync", move || fs::write(taken, "foreign").unwrap());
        assert!(!all && errors.is_empty(), "{errors:?}");
        assert_eq!(fs::read(&path).unwrap(), b"foreign");
        assert!(site.files().contains_key(&site.name(&archive(0))));
        assert!(!site.files().contains_key(&site.temporary(0, packing)));
    }
}

#[test]
fn a_temporary_file_that_was_taken_away_is_made_again() {
    for packing in formats() {
        for replaced in [false, true] {
            let site = Site::of(2);
            let path = site.dir.path().join(site.temporary(0, packing));
            let (all, errors) = surprised(&site, packing, 1, "sync", move || {
                fs::remove_file(&path).unwrap();
                if replaced {
                    fs::write(&path, "foreign").unwrap();
                }
            });
            assert!(!all && errors[0].contains("took the temporary file away"), "{errors:?}");
            site.check_readable();
            assert!(site.pass(packing));
            site.check_done(packing);
        }
    }
}
