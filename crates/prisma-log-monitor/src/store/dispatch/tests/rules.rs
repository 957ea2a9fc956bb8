use std::sync::Arc;

use prisma_log_core::Clock;

use super::world::{World, m, route, seconds};
use crate::{Inhibition, Maintenance, Policy, Route, Silence};

fn to_a() -> crate::PolicyBuilder {
    Policy::builder().route(route().receiver("a"))
}

#[test]
fn groups_wait_then_keep_a_distance_then_remind() {
    let mut world =
        World::new(Policy::builder().route(route().receiver("a").repeat_interval(seconds(600))));
    world.lines(&["warn x", "crit x"]);
    world.pass(5);
    world.lines(&["warn y", "warn x"]);
    world.pass(4);
    assert_eq!(world.told("a"), [""; 0]);
    world.pass(1);
    assert_eq!(world.told("a"), ["10: raised A2", "10: raised A1 raised A3"]);
    world.lines(&["warn z"]);
    world.pass(59);
    assert_eq!(world.told("a"), [""; 0]);
    world.pass(1);
    assert_eq!(world.told("a"), ["70: raised A4"]);
    world.pass(100);
    world.store.resolve("1", "ada", "").unwrap();
    world.pass(10);
    assert_eq!(world.told("a"), ["180: resolved A1"]);
    world.store.acknowledge("3", "ada", "").unwrap();
    world.pass(600);
    assert_eq!(world.told("a"), ["610: reminder A2", "780: reminder A3 reminder A4"]);
    assert_eq!(world.told("b"), [""; 0]);
    for id in world.unresolved() {
        world.store.resolve(&id, "ada", "").unwrap();
    }
    world.pass(700);
    assert_eq!(world.told("a"), ["790: resolved A2", "840: resolved A3 resolved A4"]);
    assert_eq!(world.groups(), 0, "what is over is forgotten");
    let status = world.status("a");
    assert_eq!((status.news, status.told, status.pending()), (11, 11, 0));
    assert_eq!((status.messages, status.taken), (8, 8));
}

#[test]
fn what_comes_and_goes_in_between_is_told_once() {
    let mut world = World::new(to_a());
    world.lines(&["warn x"]);
    world.store.resolve("1", "ada", "").unwrap();
    world.pass(20);
    assert_eq!(world.told("a"), ["10: resolved A1"]);
    world.store.reopen("1", "ada", "").unwrap();
    world.pass(60);
    assert_eq!(world.told("a"), ["70: reopened A1"]);
    let status = world.status("a");
    assert_eq!((status.news, status.told, status.merged), (3, 2, 1));
}

#[test]
fn a_silence_holds_news_back_until_it_ends() {
    let mut world = World::new(to_a());
    let silence = |matcher: &str| Silence::builder("ada").matcher(m(matcher)).lasts(seconds(300));
    world.store.silence(silence("host=x")).unwrap();
    world.lines(&["warn x", "warn y", "warn z"]);
    world.pass(11);
    assert_eq!(world.told("a"), ["10: raised A2 raised A3"]);
    // Told of y, then silenced: nobody hears of its end before the silence's.
    world.store.silence(silence("host=y").lasts(seconds(200))).unwrap();
    world.store.resolve("2", "ada", "").unwrap();
    world.pass(190);
    assert_eq!(world.told("a"), [""; 0]);
    world.pass(15);
    assert_eq!(world.told("a"), ["211: resolved A2"]);
    world.pass(100);
    assert_eq!(world.told("a"), ["301: raised A1"]);
    // One that begins and ends in silence is nobody's business.
    world.store.silence(silence("host=w")).unwrap();
    world.lines(&["warn w"]);
    world.pass(100);
    world.store.resolve("4", "ada", "").unwrap();
    world.pass(400);
    assert_eq!(world.told("a"), [""; 0]);
    let status = world.status("a");
    assert_eq!((status.news, status.told, status.muted, status.pending()), (6, 4, 2, 0));
}

#[test]
fn a_silence_that_is_ended_by_hand_lets_news_out_at_once() {
    let mut world = World::new(to_a());
    let silence = Silence::builder("ada").matcher(m("rule=warn")).lasts(seconds(9999));
    let silence = world.store.silence(silence).unwrap();
    world.lines(&["warn x"]);
    world.pass(50);
    world.store.expire_silence(&silence.id, "bob").unwrap();
    assert!(world.is_due());
    world.pass(1);
    assert_eq!(world.told("a"), ["50: raised A1"]);
    let silences = world.store.silences().unwrap();
    assert_eq!(silences[0].expired_by.as_deref(), Some("bob"));
    assert!(world.store.expire_silence("7", "bob").unwrap_err().is_state());
    assert!(world.store.expire_silence("x", "bob").unwrap_err().is_config());
}

#[test]
fn silences_are_limited_and_ended_ones_make_room() {
    let world = World::new(to_a());
    let silence = || Silence::builder("ada").matcher(m("rule=warn")).lasts(seconds(100));
    for _ in 0..20 {
        world.store.silence(silence()).unwrap();
    }
    assert!(world.store.silence(silence()).unwrap_err().is_state());
    world.store.expire_silence("S000011", "ada").unwrap();
    world.store.silence(silence()).unwrap();
    let numbers: Vec<_> = world.store.silences().unwrap().iter().map(|s| s.number).collect();
    assert_eq!(numbers.len(), 20);
    assert!(!numbers.contains(&11));
}

#[test]
fn a_critical_alert_mutes_its_warnings_while_it_lasts() {
    let inhibition =
        || Inhibition::builder().source(m("rule=crit")).target(m("rule=warn")).equal(["host"]);
    let mut world = World::new(to_a().inhibit(inhibition()));
    world.lines(&["warn x", "warn y", "crit x"]);
    world.pass(100);
    assert_eq!(world.told("a"), ["10: raised A3", "10: raised A2"]);
    world.kill();
    world.pass(100);
    assert_eq!(world.told("a"), [""; 0], "known again after a restart");
    world.store.resolve("3", "ada", "").unwrap();
    world.pass(20);
    assert_eq!(world.told("a"), ["200: raised A1", "210: resolved A3"]);
}

#[test]
fn maintenance_mutes_until_it_is_over() {
    let start = prisma_log_core::Timestamp::from_unix_seconds(1_000_000);
    let window = Maintenance::builder()
        .matcher(m("rule=warn"))
        .once(start, start.saturating_add(seconds(500)));
    let mut world = World::new(to_a().maintenance(window));
    world.lines(&["warn x", "crit x"]);
    world.pass(510);
    assert_eq!(world.told("a"), ["10: raised A2", "500: raised A1"]);
}

#[test]
fn flapping_is_told_once_and_then_when_it_is_over() {
    let mut world = World::new(to_a().flapping(4, seconds(3000)));
    for _ in 0..4 {
        world.lines(&["warn x"]);
        world.pass(200);
        world.clock.advance(seconds(1000));
        world.time_passes();
        world.pass(10);
    }
    let alert = world.store.get("1").unwrap();
    assert!(alert.flapping && alert.is_resolved());
    assert_eq!(world.told("a").len(), 4, "raised and resolved, twice");
    let status = world.status("a");
    assert_eq!((status.muted, status.pending()), (4, 0), "the receiver knows that it is over");
    // It comes back once more, and stays.
    world.lines(&["warn x"]);
    for _ in 0..5 {
        world.pass(500);
        world.lines(&["warn x"]);
    }
    assert_eq!(world.told("a"), [""; 0]);
    assert!(world.store.get("1").unwrap().flapping);
    world.pass(500);
    world.lines(&["warn x"]);
    world.time_passes();
    assert!(!world.store.get("1").unwrap().flapping);
    world.pass(10);
    let told = world.told("a");
    assert!(told.len() == 1 && told[0].ends_with(": reopened A1"), "{told:?}");
    assert_eq!(world.status("a").pending(), 0);
}

#[test]
fn a_cap_holds_and_a_digest_says_what_it_held_back() {
    let policy = to_a().max_per_minute(3).max_alerts_per_message(2);
    let each = Route::builder().group_by(["..."]).group_wait(seconds(0));
    let policy = policy.build().map(|_| {
        Policy::builder().max_per_minute(3).max_alerts_per_message(2).route(each.receiver("a"))
    });
    let mut world = World::new(policy.unwrap());
    world.lines(&["warn a", "warn b", "warn c", "warn d", "crit e", "warn f", "warn g"]);
    world.pass(1);
    assert_eq!(world.told("a").len(), 3);
    world.lines(&["crit h"]);
    world.pass(58);
    assert_eq!(world.told("a"), [""; 0], "the cap");
    world.pass(10);
    let told = world.told("a");
    // Four groups at once and one a second later were held back.
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("60: raised A8 raised "), "the most urgent first: {told:?}");
    assert!(told[0].ends_with(" +3 (5 held back)"), "{told:?}");
    world.pass(300);
    assert_eq!(world.told("a"), [""; 0]);
    let status = world.status("a");
    assert_eq!((status.news, status.told, status.omitted, status.pending()), (8, 5, 3, 0));
    assert_eq!((status.messages, status.suppressed), (4, 5));
}

#[test]
fn a_receiver_that_takes_nothing_gets_a_digest_later() {
    let each = Route::builder().group_by(["..."]).group_wait(seconds(0)).receiver("a");
    let mut world = World::new(Policy::builder().max_per_minute(10_000).route(each));
    let lines: Vec<String> = (0..150).map(|n| format!("warn h{n}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    world.lines(&lines);
    world.round();
    let waiting = world.queues["a"].len();
    assert_eq!(waiting, 100, "the outbox is bounded");
    world.clock.advance(seconds(3600));
    world.round();
    assert_eq!(world.queues["a"].len(), waiting);
    world.take_all();
    world.pass(20);
    let status = world.status("a");
    assert_eq!((status.news, status.pending(), status.told + status.omitted), (150, 0, 150));
    assert_eq!((status.messages, status.suppressed), (101, 100), "50 groups, twice");
}

#[test]
fn a_message_that_was_not_taken_is_given_again() {
    let mut world = World::new(to_a());
    world.lines(&["warn x"]);
    world.round();
    world.clock.advance(seconds(10));
    world.round();
    world.give("a", None);
    // Taken, but nobody wrote it down.
    world.give("a", Some(true));
    world.kill();
    world.give("a", Some(true));
    world.round();
    world.kill();
    assert_eq!(world.told("a"), ["10: raised A1", "10: raised A1 again", "10: raised A1 again"]);
    assert!(world.queues.is_empty());
    let status = world.status("a");
    assert_eq!((status.messages, status.taken, status.told), (1, 1, 1));
}

#[test]
fn what_is_given_up_is_counted() {
    let mut world = World::new(to_a());
    world.lines(&["warn x", "warn y"]);
    world.round();
    world.clock.advance(seconds(10));
    world.round();
    world.give("a", Some(false));
    world.round();
    let status = world.status("a");
    assert_eq!((status.given_up, status.lost, status.told, status.pending()), (1, 2, 0, 0));
}

#[test]
fn another_policy_goes_on_with_what_was_told() {
    let mut world = World::new(to_a());
    world.lines(&["warn x"]);
    world.pass(15);
    world.lines(&["warn y"]);
    world.pass(1);
    assert_eq!(world.told("a"), ["10: raised A1"]);
    // Other groups, and one more receiver that gets to know what is not resolved.
    let policy = Policy::builder()
        .route(route().receiver("a").group_by(["host"]).continues(true))
        .route(route().receiver("b"));
    let policy = Arc::new(policy.build().unwrap());
    world.restart(policy, vec!["a".into(), "b".into()]);
    world.store.resolve("1", "ada", "").unwrap();
    world.pass(20);
    assert_eq!(world.told("a"), ["26: raised A2", "26: resolved A1"]);
    assert_eq!(world.told("b"), ["26: raised A2"]);
    for receiver in ["a", "b"] {
        assert_eq!(world.status(receiver).pending(), world.pending(receiver));
        assert_eq!(world.pending(receiver), 0);
    }
    // A receiver that is gone does not get what waits for it.
    world.lines(&["warn z"]);
    world.round();
    world.clock.advance(seconds(60));
    world.round();
    let policy = Arc::new(Policy::default());
    world.restart(policy, vec!["b".into()]);
    assert!(!world.queues.contains_key("a"));
    let status = world.status("a");
    assert_eq!((status.given_up, status.waiting(), status.pending()), (1, 0, 0));
}

#[test]
fn a_run_without_receivers_is_made_up_for() {
    let mut world = World::new(to_a());
    world.lines(&["warn x"]);
    world.pass(20);
    assert_eq!(world.told("a"), ["10: raised A1"]);
    world.store.without_receivers().unwrap();
    world.store.resolve("1", "ada", "").unwrap();
    world.lines(&["crit y"]);
    world.kill();
    world.pass(70);
    assert_eq!(world.told("a"), ["30: raised A2", "70: resolved A1"]);
    world.kill();
    world.pass(200);
    assert_eq!(world.told("a"), [""; 0], "nothing is told twice");
}

#[test]
fn a_clock_that_goes_back_stops_nothing() {
    let mut world = World::new(to_a().max_per_minute(1));
    world.lines(&["warn x", "crit x"]);
    world.pass(15);
    assert_eq!(world.told("a").len(), 1);
    world.clock.set(world.clock.now().saturating_sub(seconds(100_000)));
    world.lines(&["warn y"]);
    world.pass(200);
    let told = world.told("a");
    assert!(told.concat().contains("raised A3"), "{told:?}");
    assert!(told.len() <= 4, "{told:?}");
    assert_eq!(world.status("a").pending(), 0);
}

#[test]
fn at_the_end_nothing_waits_but_for_the_cap() {
    let mut world = World::new(to_a().max_per_minute(1));
    world.lines(&["warn x", "crit x"]);
    world.turn(true);
    world.turn(true);
    world.take_all();
    assert_eq!(world.told("a").len(), 1);
    assert_eq!(world.status("a").suppressed, 1, "held back once, however often it is tried");
    world.clock.advance(seconds(60));
    world.turn(true);
    world.take_all();
    assert_eq!(world.told("a").len(), 1);
    world.turn(true);
    assert_eq!(world.status("a").pending(), 0);
}

#[test]
fn too_many_alerts_are_not_opened_but_counted() {
    let mut world = World::new(to_a().max_open_alerts(3));
    let news = world.lines(&["warn a", "warn b", "warn c", "warn d", "warn e", "warn a"]);
    assert_eq!((news, world.store.not_opened().unwrap()), (3, 2));
    world.store.resolve("1", "ada", "").unwrap();
    assert_eq!(world.lines(&["warn d", "warn a"]), 1, "room for one");
    assert_eq!(world.store.not_opened().unwrap(), 3);
    assert_eq!(world.unresolved(), ["A000002", "A000003", "A000004"]);
}
