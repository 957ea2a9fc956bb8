use std::time::Duration;

use super::*;
use crate::Every;

fn plan(rotation: Rotation, retention: Retention) -> Result<Plan, Error> {
    Plan::new(Path::new("/x/app.log"), Some(&rotation), &retention, Compression::None)
}

#[test]
fn what_makes_no_sense_is_refused_with_a_hint() {
    let check = |rotation: Rotation, retention: Retention, expect: &str| {
        let error = plan(rotation, retention).unwrap_err();
        assert!(error.is_config());
        let shown = error.to_string();
        assert!(shown.contains(expect) && shown.contains("/x/app.log"), "{shown}");
    };
    let (rotation, retention) = (Rotation::new, Retention::new);
    check(rotation().max_bytes(1023), retention(), "max_bytes of /x/app.log is 1023");
    check(rotation().max_bytes(0), retention(), "must be at least 1024");
    check(rotation(), retention().total_bytes(8191), "total_bytes of /x/app.log is 8191");
    check(
        rotation().max_bytes(1_000_000),
        retention().total_bytes(999_999),
        "must be at least 1000000",
    );
    check(rotation(), retention().age(Duration::ZERO), "age of /x/app.log is zero");
    check(rotation().zone("Europe/Berlni"), retention(), "unknown time zone \"Europe/Berlni\"");
}

#[test]
fn a_total_without_a_size_gives_one() {
    let plan = |rotation, retention| self::plan(rotation, retention).unwrap();
    let every_day = || Rotation::new().every(Every::Day);
    assert_eq!(plan(every_day(), Retention::new()).max_bytes, None);
    assert_eq!(plan(every_day(), Retention::new().total_bytes(80_000)).max_bytes, Some(10_000));
    let both = plan(every_day().max_bytes(5_000), Retention::new().total_bytes(80_000));
    assert_eq!(both.max_bytes, Some(5_000));
    assert!(both.schedule.is_some());
    let alone = Plan::new(
        Path::new("app.log"),
        None,
        &Retention::new().total_bytes(8_192),
        Compression::None,
    );
    assert_eq!(alone.unwrap().max_bytes, Some(1_024));
}

#[test]
fn five_archives_are_kept_where_there_is_a_rotation() {
    let plan = plan(Rotation::new(), Retention::new()).unwrap();
    assert_eq!(plan.retention.archives, Some(5));
    let path = Path::new("app.log");
    let none = Plan::new(path, None, &Retention::new(), Compression::None).unwrap();
    assert_eq!(none.retention, Retention::new());
}

#[test]
fn a_format_that_was_not_built_in_is_refused() {
    let check = |compression: Compression, feature: &str, built_in: bool| {
        let path = Path::new("app.log");
        let plan = Plan::new(path, None, &Retention::new(), compression);
        assert_eq!(plan.is_ok(), built_in);
        if let Err(error) = plan {
            let expect = format!("built without the feature {feature}");
            assert!(error.to_string().contains(&expect), "{error}");
        }
    };
    check(Compression::None, "", true);
    check(Compression::Gzip, "gzip", cfg!(feature = "gzip"));
    check(Compression::Zstd, "zstd", cfg!(feature = "zstd"));
}
