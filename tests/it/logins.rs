//! Whose guesses count for whom: asked of `decnet api` and `decnet web` from outside.

use decnet_tests::served::{API, PASSWORD, Served, log_in};
use decnet_tests::world::{NODE_IP, VISITOR_IP, World};

/// A process of the node says with each guess that it comes from somewhere else.
#[test]
fn who_guesses_on_this_machine_is_one_whatever_it_says_of_itself() {
    let world = World::make();
    let served = Served::start(&world);
    drop(served.admin(world.machine()));
    let mut seen = Vec::new();
    for number in 1..=20 {
        let from = format!("127.0.0.{number}");
        let ip = if number % 2 == 0 { VISITOR_IP.to_string() } else { format!("192.0.2.{number}") };
        let forwarded = format!("X-Forwarded-For: {ip}");
        let vouched = format!("X-Decnet-Browser: {ip} 1795420800 {}", "0".repeat(64));
        let more = ["--interface", &from, "-H", &forwarded, "-H", &vouched];
        seen.push(log_in(world.machine(), API, "eve", "a guess", &more).0);
    }
    assert_eq!(seen.last(), Some(&429), "{seen:?}");
    // By way of the dashboard it is the same one.
    let web = format!("{NODE_IP}:8080");
    let local = log_in(world.machine(), &web, "eve", "a guess", &["--interface", "127.0.0.9"]);
    assert_eq!(local.0, 429, "{local:?}");
    let wrong = log_in(&world.visitor, &web, "admin", "a guess", &[]);
    assert_eq!(wrong.0, 401, "nobody has guessed for the visitor: {wrong:?}");
    let right = log_in(&world.visitor, &web, "admin", PASSWORD, &[]);
    assert_eq!(right.0, 200, "{right:?}");
    for _ in 0..12 {
        drop(log_in(&world.visitor, &web, "eve", "a guess", &[]));
    }
    let last = log_in(&world.visitor, &web, "eve", "a guess", &[]);
    assert_eq!(last.0, 429, "the visitor's own count: {last:?}");
}
