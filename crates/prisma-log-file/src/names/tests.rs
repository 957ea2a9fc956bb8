use super::*;

const HOUR: i32 = 3600;

fn names(base: &str) -> Names {
    Names::new(OsStr::new(base), Zone::UTC)
}

fn archive(seconds: i64, offset: i32, number: u32, packed: Option<Packing>) -> Archive {
    Archive { stamp: Stamp { seconds, offset }, number, packed }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

#[test]
fn one_name_for_each_archive() {
    let check = |archive: Archive, expect: &str| {
        let names = names("app.log");
        assert_eq!(names.name(&archive), expect);
        assert_eq!(names.parse(OsStr::new(expect)), Some(archive), "{expect}");
        assert_eq!(names.temporary(&archive), format!(".{expect}.tmp").as_str());
    };
    let second = 1_795_478_398; // 2026-11-23T23:59:58Z
    check(archive(second, 0, 1, None), "app.log.2026-11-23T23-59-58Z");
    check(archive(second, 0, 2, None), "app.log.2026-11-23T23-59-58Z.2");
    check(archive(second, 0, 1, Some(Packing::Gzip)), "app.log.2026-11-23T23-59-58Z.gz");
    check(archive(second, 0, 12, Some(Packing::Zstd)), "app.log.2026-11-23T23-59-58Z.12.zst");
    check(archive(second, -5 * HOUR, 1, None), "app.log.2026-11-23T18-59-58-0500");
    let kathmandu = 5 * HOUR + 45 * 60;
    check(archive(second, kathmandu, 3, None), "app.log.2026-11-24T05-44-58+0545.3");
    check(archive(-1, 0, 1, None), "app.log.1969-12-31T23-59-59Z");
    check(archive(0, 53 * 60 + 28, 1, None), "app.log.1970-01-01T00-53-28+005328");
    check(archive(1 << 31, 0, u32::MAX, None), "app.log.2038-01-19T03-14-08Z.4294967295");
    check(archive(253_370_764_800, 0, 1, None), "app.log.9999-01-01T00-00-00Z");
    check(archive(253_402_207_200, 0, 1, None), "app.log.9999-12-30T22-00-00Z");
}

#[test]
fn random_archives_come_back() {
    let mut random = fastrand::Rng::with_seed(7);
    let names = Names::new(OsStr::new("app.log"), Zone::UTC);
    let mut last: Option<Archive> = None;
    for _ in 0..100_000 {
        // 1677 to 2262 is what clocks give, up to 9998 what somebody may have written.
        let seconds = match random.bool() {
            true => random.i64(-9_223_372_036..9_223_372_036),
            false => random.i64(0..253_370_000_000),
        };
        let offset = match random.u8(0..3) {
            0 => 0,
            1 => random.i32(-48..=56) * 900,
            _ => random.i32(-93_599..=93_599),
        };
        let number = if random.bool() { 1 } else { random.u32(1..) };
        let packed = random.choice([None, Some(Packing::Gzip), Some(Packing::Zstd)]).unwrap();
        let archive = archive(seconds, offset, number, packed);
        let name = names.name(&archive);
        assert_eq!(names.parse(&name), Some(archive), "{name:?}");
        let temporary = names.temporary(&archive);
        assert_eq!(names.parse(&temporary), None);
        assert_eq!(names.parse_temporary(&name), None);
        let unfinished = packed.is_some().then_some(archive);
        assert_eq!(names.parse_temporary(&temporary), unfinished);
        assert!(temporary.len() <= "app.log".len() + LONGEST_ADDITION, "{temporary:?}");
        if let Some(last) = last {
            let key = |archive: &Archive| (archive.stamp.seconds, archive.number);
            if key(&last) != key(&archive) {
                assert_eq!(last.cmp(&archive), key(&last).cmp(&key(&archive)));
            }
        }
        last = Some(archive);
    }
}

#[test]
fn what_is_not_ours_is_not_ours() {
    let hostile: &[&[u8]] = &[
        b"",
        b".",
        b"app.log",
        b"app.log.",
        b"app.log.1",
        b"app.log.torn",
        b".app.log.lock",
        b"app.log.old",
        b"app.log.gz",
        b"app.log.1.gz",
        b"app.log.bak",
        b"app.log.20261123",
        b"app.log.2026-11-23",
        b"app.log-2026-11-23T23-59-58Z",
        b"app.log2026-11-23T23-59-58Z",
        b"app.log..2026-11-23T23-59-58Z",
        b"app2.log.2026-11-23T23-59-58Z",
        b"xapp.log.2026-11-23T23-59-58Z",
        b".app.log.2026-11-23T23-59-58Z",
        b"app.log.old.2026-11-23T23-59-58Z",
        b"APP.LOG.2026-11-23T23-59-58Z",
        b"app.log.2026-11-23T23-59-58",
        b"app.log.2026-11-23T23-59-58z",
        b"app.log.2026-11-23t23-59-58Z",
        b"app.log.2026-11-23T23:59:58Z",
        b"app.log.2026-11-23 23-59-58Z",
        b"app.log.2026-11-23T23-59-58ZZ",
        b"app.log.2026-11-23T23-59-58Z0500",
        b"app.log.2026-11-23T23-59-58Z.",
        b"app.log.2026-11-23T23-59-58Z.0",
        b"app.log.2026-11-23T23-59-58Z.1",
        b"app.log.2026-11-23T23-59-58Z.01",
        b"app.log.2026-11-23T23-59-58Z.02",
        b"app.log.2026-11-23T23-59-58Z.+2",
        b"app.log.2026-11-23T23-59-58Z.-2",
        b"app.log.2026-11-23T23-59-58Z. 2",
        b"app.log.2026-11-23T23-59-58Z.2 ",
        b"app.log.2026-11-23T23-59-58Z.2.",
        b"app.log.2026-11-23T23-59-58Z.2.3",
        b"app.log.2026-11-23T23-59-58Z.4294967296",
        b"app.log.2026-11-23T23-59-58Z.99999999999999999999999",
        b"app.log.2026-11-23T23-59-58Z.GZ",
        b"app.log.2026-11-23T23-59-58Z.xz",
        b"app.log.2026-11-23T23-59-58Z.zstd",
        b"app.log.2026-11-23T23-59-58Z.gz.2",
        b"app.log.2026-11-23T23-59-58Z.1.gz",
        b"app.log.2026-11-23T23-59-58Z.gz.gz",
        b"app.log.2026-11-23T23-59-58Z.gz.zst",
        b"app.log.2026-11-23T23-59-58Z.gz.tmp",
        b"app.log.2026-11-23T23-59-58Z.tmp",
        b"app.log.2026-11-23T23-59-58Z~",
        b"app.log.2026-11-23T23-59-58Z\n",
        b"app.log.2026-11-23T23-59-58Z\0",
        b"app.log.2026-11-23T23-59-58Z/../x",
        b"app.log.2026-11-23T23-59-58+0000",
        b"app.log.2026-11-23T23-59-58-0000",
        b"app.log.2026-11-23T23-59-58+2600",
        b"app.log.2026-11-23T23-59-58+0160",
        b"app.log.2026-11-23T23-59-58+010000",
        b"app.log.2026-11-23T23-59-58+01:00",
        b"app.log.2026-11-23T23-59-58+01",
        b"app.log.2026-11-23T23-59-58+1",
        b"app.log.2026-11-23T23-59-58++100",
        b"app.log.2026-11-23T23-59-58-+100",
        b"app.log.2026-11-23T23-59-580100",
        b"app.log.2026-13-01T00-00-00Z",
        b"app.log.2026-00-01T00-00-00Z",
        b"app.log.2026-01-00T00-00-00Z",
        b"app.log.2026-02-29T00-00-00Z",
        b"app.log.2026-04-31T00-00-00Z",
        b"app.log.2026-11-23T24-00-00Z",
        b"app.log.2026-11-23T23-60-00Z",
        b"app.log.2026-11-23T23-59-60Z",
        b"app.log.+026-11-23T23-59-58Z",
        b"app.log.-001-11-23T23-59-58Z",
        b"app.log.02026-11-23T23-59-58Z",
        b"app.log.2026-1-23T23-59-58Z",
        b"app.log.2026-+1-23T23-59-58Z",
        b"app.log.9999-12-31T23-59-59Z",
        b"app.log.2026-11-23T23-59-58Z\xff",
        b"app.log.\xff026-11-23T23-59-58Z",
        b"app.log.2026-11-23T23-59-5\xe2\x82\xac",
        "app.log.２０２６-11-23T23-59-58Z".as_bytes(),
        "app.log.2026-11-23T23-59-5٨Z".as_bytes(),
    ];
    let names = names("app.log");
    for name in hostile.iter().map(|name| OsStr::from_bytes(name)) {
        assert_eq!(names.parse(name), None, "{name:?}");
        assert_eq!(names.parse_temporary(name), None, "{name:?}");
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".tmp");
        if !name.as_bytes().ends_with(b".tmp") {
            assert_eq!(names.parse_temporary(&hidden), None, "{hidden:?}");
        }
    }
    let check = |name: &str| assert_eq!(names.parse_temporary(OsStr::new(name)), None, "{name}");
    check(".app.log.2026-11-23T23-59-58Z.tmp");
    check("app.log.2026-11-23T23-59-58Z.gz.tmp");
    check("..app.log.2026-11-23T23-59-58Z.gz.tmp");
    check(".app.log.2026-11-23T23-59-58Z.gz");
    check(".app.log.2026-11-23T23-59-58Z.gz.tmp.tmp");
    check(".app.log.2026-11-23T23-59-58Z.gz.TMP");
}

#[test]
fn random_changes_of_a_name_are_another_archive_or_none() {
    let mut random = fastrand::Rng::with_seed(11);
    let names = names("app.log");
    for _ in 0..200_000 {
        let mut name = b"app.log.2026-11-23T18-59-58-0500.2.gz".to_vec();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(8..name.len());
            match random.u8(0..3) {
                0 => name[at] = random.choice(*b"0123456789-+TZ.gzst\xc3\x28").unwrap(),
                1 => drop(name.remove(at)),
                _ => name.insert(at, random.choice(*b"0123456789-+TZ.").unwrap()),
            }
        }
        let name = OsStr::from_bytes(&name);
        if let Some(archive) = names.parse(name) {
            assert_eq!(names.name(&archive), name);
        }
    }
}

#[test]
fn a_base_keeps_clear_of_other_files_archives() {
    let check = |base: &str, expect: bool| {
        let checked = Names::check_base(OsStr::new(base));
        assert_eq!(checked.is_ok(), expect, "{base}: {checked:?}");
    };
    check("app.log", true);
    check("app", true);
    check(".hidden", true);
    check(".log.tmp", true);
    check("app.log.old", true);
    check("app.2026-11-23.log", true);
    check("2026-11-23T23-59-58Z", true);
    check(".2026-11-23T23-59-58Z", true);
    check("app.2026-11-23T23-59-58Z.log", true);
    check("app.log.2026-11-23T23-59-58Z", false);
    check("app.2026-11-23T23-59-58Z.2", false);
    check("app.2026-11-23T23-59-58-0500.gz", false);
    check("a.b.c.2026-11-23T23-59-58-0500.17.zst", false);
    check(".app.log.2026-11-23T23-59-58Z.gz.tmp", false);
    check("app.log.2026-11-23T23-59-58Z.gz.tmp", true);
    check(&"a".repeat(LONGEST_NAME - LONGEST_ADDITION), true);
    check(&"a".repeat(LONGEST_NAME - LONGEST_ADDITION + 1), false);
    // The longest there is does fit.
    let base = "a".repeat(LONGEST_NAME - LONGEST_ADDITION);
    let longest = archive(0, -(11 * HOUR + 59 * 60 + 59), u32::MAX, Some(Packing::Zstd));
    assert_eq!(names(&base).temporary(&longest).len(), LONGEST_NAME);
}

#[test]
fn the_next_one_is_later_whatever_the_clock_does() {
    let check = |newest: Option<(i64, u32)>, modified: i64, expect: (i64, u32)| {
        let newest =
            newest.map(|(seconds, number)| archive(seconds, HOUR, number, Some(Packing::Zstd)));
        let modified = at(modified).saturating_add(std::time::Duration::from_millis(999));
        let next = names("app.log").next(newest.as_ref(), modified);
        assert_eq!(next, archive(expect.0, 0, expect.1, None));
        assert!(newest.is_none_or(|newest| newest < next));
    };
    check(None, 100, (100, 1));
    check(None, -100, (-100, 1));
    check(Some((99, 7)), 100, (100, 1));
    check(Some((100, 1)), 100, (100, 2));
    check(Some((100, 2)), 100, (100, 3));
    check(Some((86_500, 1)), 100, (86_500, 2));
    check(Some((100, u32::MAX)), 100, (101, 1));
    check(Some((1 << 31, 1)), -5, (1 << 31, 2));
    check(Some((253_370_764_800, 1)), 100, (253_370_764_800, 2));
}

#[test]
fn rotations_under_a_mad_clock_never_share_a_name() {
    let mut random = fastrand::Rng::with_seed(13);
    let names = Names::new(OsStr::new("app.log"), Zone::parse("Europe/Berlin").unwrap());
    let mut newest: Option<Archive> = None;
    let mut clock = 1_795_478_398;
    for _ in 0..100_000 {
        clock = match random.u8(0..20) {
            0 => random.i64(-9_000_000_000..4_000_000_000),
            1 => clock - 86_400,
            2 => clock + 86_400,
            3..10 => clock + random.i64(0..4000),
            _ => clock,
        };
        let next = names.next(newest.as_ref(), at(clock));
        // Strictly later than all before, and with that a name that none of them had.
        assert!(newest.is_none_or(|newest| newest < next));
        assert_eq!(names.parse(&names.name(&next)), Some(next));
        newest = Some(next);
        if random.u8(0..50) == 0 {
            newest = None; // Somebody deleted all of them.
        }
    }
}

#[test]
fn a_zone_names_by_its_own_clocks() {
    let check = |zone: &str, seconds: i64, expect: &str| {
        let names = Names::new(OsStr::new("a"), Zone::parse(zone).unwrap());
        assert_eq!(names.name(&names.next(None, at(seconds))), expect);
    };
    check("Europe/Berlin", 1_792_889_999, "a.2026-10-25T02-59-59+0200");
    check("Europe/Berlin", 1_792_890_000, "a.2026-10-25T02-00-00+0100");
    check("Europe/London", 1_795_478_398, "a.2026-11-23T23-59-58Z");
    check("America/New_York", 1_795_478_398, "a.2026-11-23T18-59-58-0500");
    check("Asia/Kathmandu", 1_795_478_398, "a.2026-11-24T05-44-58+0545");
    check("Europe/Berlin", -9_000_000_000, "a.1684-10-19T08-53-28+005328");
}

#[test]
fn the_same_archive_in_another_form() {
    let plain = archive(5, 0, 1, None);
    assert!(plain.is_same(&plain.packed_as(Some(Packing::Gzip))));
    assert!(!plain.is_same(&archive(5, 0, 2, None)));
    assert!(!plain.is_same(&archive(5, HOUR, 1, None)));
    assert!(plain < plain.packed_as(Some(Packing::Gzip)));
}
