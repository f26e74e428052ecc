//! Whose guesses count for whom, and who may listen: asked of `decnet api` and `decnet web` from outside.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use decnet_tests::served::{API, PASSWORD, Served, add_user, log_in, token};
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

/// Someone who listens to what happens.
struct Stream {
    reader: BufReader<TcpStream>,
    status: String,
}

impl Stream {
    /// On the node, at the api.
    fn open(world: &World, token: &str) -> Self {
        let stream = world.as_node(|| TcpStream::connect(API)).expect("the api listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("it is ours");
        let mut writer = stream.try_clone().expect("descriptors are left");
        let head = format!(
            "GET /api/v1/stream HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        writer.write_all(head.as_bytes()).expect("the api listens");
        let (mut reader, mut status) = (BufReader::new(stream), String::new());
        reader.read_line(&mut status).expect("the api answers");
        Self { reader, status: status.split(' ').nth(1).unwrap_or_default().to_owned() }
    }

    /// Whether a line with this comes.
    fn says(&mut self, text: &str) -> bool {
        let lines = (&mut self.reader).lines().map_while(Result::ok);
        lines.into_iter().any(|line| line.contains(text))
    }
}

#[test]
fn who_opens_every_stream_takes_none_from_others() {
    let world = World::make();
    let served = Served::start(&world);
    let admin = served.admin(world.machine());
    let users: Vec<String> = (0..5).map(|number| format!("user-{number}")).collect();
    users.iter().for_each(|name| add_user(world.machine(), &admin, name));
    let login = |name: &String| token(world.machine(), API, name, PASSWORD);
    // One, by many logins.
    let logins: Vec<String> = (0..5).map(|_| login(&users[0])).collect();
    let greedy = |token: &String| (0..16).map(|_| Stream::open(&world, token)).collect::<Vec<_>>();
    let mut taken: Vec<Stream> = logins.iter().flat_map(greedy).collect();
    let open = taken.iter().filter(|stream| stream.status == "200").count();
    assert_eq!(open, 16, "of one user");
    assert!(taken.iter().all(|stream| matches!(stream.status.as_str(), "200" | "429")));
    // Several together have all, and who comes after them is served all the same.
    taken.extend(users[1..4].iter().map(login).flat_map(|token| greedy(&token)));
    let mut late = Stream::open(&world, &login(&users[4]));
    assert_eq!(late.status, "200");
    assert!(late.says("event: stats"), "it is served");
    let cut = taken.iter_mut().find(|stream| stream.status == "200").expect("many are open");
    assert!(cut.says("event: cut"), "the oldest of whoever has most is told");
}
