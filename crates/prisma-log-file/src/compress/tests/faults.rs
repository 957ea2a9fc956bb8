//! A fault at each single call.

use super::double::{Fault, Trap, Trapped};
use super::folder::{Heard, Site, formats, pass};
use super::*;

/// What somebody left in the folder before.
type Before = fn(&Site, Packing);

const BEFORE: [Before; 4] = [
    |_, _| {},
    // A process died while it wrote.
    |site, packing| site.put(&site.temporary(0, packing), b"half", 0),
    // A process died before it removed the plain one.
    |site, packing| {
        let packed = super::folder::packed(packing, &super::folder::lines(0, super::folder::LEN));
        site.put(&site.packed_name(0, packing), &packed, 0);
    },
    // And began again.
    |site, packing| {
        BEFORE[1](site, packing);
        BEFORE[2](site, packing);
    },
];

fn site(before: Before, packing: Packing) -> Site {
    let site = Site::of(3);
    before(&site, packing);
    site
}

fn trapped(site: &Site, at: usize, fault: Fault, only: Option<&'static str>) -> Trapped {
    Trapped { inner: site.folder(), trap: Trap::new(at, fault, only) }
}

/// How many calls a pass makes when nothing fails.
fn calls(before: Before, packing: Packing) -> usize {
    let site = site(before, packing);
    let folder = trapped(&site, usize::MAX, Fault::Death, None);
    assert!(pass(&folder, packing, &Heard::default(), &mut Vec::new()));
    site.check_done(packing);
    folder.trap.calls()
}

#[test]
fn death_at_each_call() {
    let mut deaths = 0;
    for packing in formats() {
        for before in BEFORE {
            for at in 1..=calls(before, packing) {
                let site = site(before, packing);
                let folder = trapped(&site, at, Fault::Death, None);
                pass(&folder, packing, &Heard::default(), &mut Vec::new());
                site.check_readable();
                // The next start.
                assert!(site.pass(packing), "{packing:?}, died at call {at}");
                site.check_done(packing);
                deaths += 1;
            }
        }
    }
    assert!(deaths >= 200 * formats().count(), "{deaths} deaths");
}

#[test]
fn an_error_at_each_call() {
    // Interrupted for ever would be a hang in any program.
    const ONCE: [i32; 5] = [libc::EIO, libc::ENOSPC, libc::EINTR, libc::EMFILE, libc::ENOENT];
    const FOR_EVER: [i32; 2] = [libc::EIO, libc::ENOSPC];
    let mut errors = 0;
    for packing in formats() {
        for (kind, before) in BEFORE.into_iter().enumerate() {
            let once = ONCE.map(|code| Fault::Error { code, for_ever: false });
            let for_ever = FOR_EVER.map(|code| Fault::Error { code, for_ever: true });
            let all: Vec<_> = once.into_iter().chain(for_ever).collect();
            // What was there before makes no difference to the kind of error.
            let faults = if kind == 0 { &all[..] } else { &all[..1] };
            for (&fault, at) in faults
                .iter()
                .flat_map(|fault| (1..=calls(before, packing)).map(move |at| (fault, at)))
            {
                check_error(&site(before, packing), packing, fault, at);
                errors += 1;
            }
        }
    }
    assert!(errors >= 500 * formats().count(), "{errors} errors");
}

fn check_error(site: &Site, packing: Packing, fault: Fault, at: usize) {
    let folder = trapped(site, at, fault, None);
    let heard = Heard::default();
    let all = pass(&folder, packing, &heard, &mut Vec::new());
    site.check_readable();
    let for_ever = matches!(fault, Fault::Error { for_ever: true, .. });
    if !all && !for_ever {
        // Tried again, it is done: the fault is over.
        assert!(pass(&folder, packing, &heard, &mut Vec::new()), "{packing:?} {fault:?} at {at}");
    }
    site.pass(packing);
    site.check_done(packing);
}

#[test]
fn a_full_disk_is_left_as_it_was_and_told_of_once() {
    for packing in formats() {
        for (call, code) in
            [("append", libc::ENOSPC), ("append", libc::EDQUOT), ("open", libc::EROFS)]
        {
            let site = Site::of(4);
            let before = site.files();
            // The first open of each archive is the archive's own.
            let at = if call == "open" { 2 } else { 1 };
            let fault = Fault::Error { code, for_ever: true };
            let folder = trapped(&site, at, fault, Some(call));
            let heard = Heard::default();
            assert!(!pass(&folder, packing, &heard, &mut Vec::new()));
            assert_eq!(site.files(), before);
            let errors = heard.errors();
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].contains("cannot compress /logs/app.log.2026-11-24T00-01-58Z"));
            assert!(errors[0].contains("tried again later"), "{errors:?}");
            assert!(site.pass(packing));
            site.check_done(packing);
        }
    }
}

#[test]
fn one_archive_that_fails_is_no_reason_to_leave_the_others() {
    for packing in formats() {
        let site = Site::of(4);
        let heard = Heard::default();
        let fault = Fault::Error { code: libc::EIO, for_ever: false };
        let folder = trapped(&site, 1, fault, Some("read_at"));
        assert!(!pass(&folder, packing, &heard, &mut Vec::new()));
        assert_eq!(heard.errors().len(), 1);
        let files = site.files();
        // The newest that is not the very newest comes first.
        assert!(!files.contains_key(&site.packed_name(2, packing)));
        assert!(files.contains_key(&site.packed_name(1, packing)));
        assert!(files.contains_key(&site.packed_name(0, packing)));
        assert!(site.pass(packing));
        site.check_done(packing);
    }
}

#[test]
fn each_step_is_safe_before_the_next() {
    let steps = ["set_mode", "set_modified", "sync", "rename", "sync_folder", "remove"];
    for packing in formats() {
        for (before, expect) in
            [(BEFORE[0], &steps[..]), (BEFORE[2], &["sync", "sync_folder", "remove"])]
        {
            let site = Site::of(2);
            before(&site, packing);
            let folder = trapped(&site, usize::MAX, Fault::Death, None);
            assert!(pass(&folder, packing, &Heard::default(), &mut Vec::new()));
            let mut log = folder.trap.log();
            log.retain(|call| steps.contains(call));
            assert_eq!(log, expect);
        }
    }
}

#[test]
fn a_failed_synchronisation_is_not_tried_again_on_the_same_file() {
    for packing in formats() {
        for call in ["sync", "sync_folder"] {
            let site = Site::of(2);
            let fault = Fault::Error { code: libc::EIO, for_ever: false };
            let folder = trapped(&site, 1, fault, Some(call));
            assert!(!pass(&folder, packing, &Heard::default(), &mut Vec::new()));
            // The plain one stays until it is known that the other is safe.
            let plain = site.name(&super::folder::archive(0));
            assert!(site.files().contains_key(&plain), "{call}");
            assert!(!site.files().contains_key(&site.temporary(0, packing)));
            assert!(site.pass(packing));
            site.check_done(packing);
        }
    }
}
