//! The telnet client against deckies, typed into by hand.

use decnet::logic::event::{Event, Kind, Outcome};
use decnet_tests::world::World;

const THREE: &str = r#"
[[decky]]
name = "router"
services = ["telnet"]
[[decky]]
name = "closed"
services = ["telnet"]
[decky.telnet]
accept = ["root:root"]
[[decky]]
name = "windows"
persona = "windows-server-2022"
services = ["telnet"]
"#;

fn of(event: &Event, kind: Kind, decky: &str) -> bool {
    event.event == kind && event.decky.as_ref().is_some_and(|part| part.name.as_str() == decky)
}

#[test]
fn a_visitor_logs_in_looks_round_and_leaves() {
    let world = World::make();
    let agent = world.agent(THREE);
    let decky = agent.decky("router");
    let mut terminal = world.terminal(&format!("telnet {}", decky.ip));
    terminal.wait(&format!("{} login: ", decky.hostname));
    terminal.line("root");
    terminal.wait("Password: ");
    terminal.line("xc3511");
    let prompt = format!("root@{}:~# ", decky.hostname);
    let greeting = terminal.wait(&prompt);
    assert!(!greeting.contains("xc3511"), "a password is not shown: {greeting}");
    terminal.line("uname -r; cat /etc/hostname");
    let shown = terminal.wait(&prompt);
    assert!(shown.contains(&format!("6.1.0-37-amd64\r\n{}\r\n", decky.hostname)), "{shown}");
    terminal.line("exit");
    terminal.wait("Connection closed by foreign host.");
    terminal.end();
    let login = world.event("the login", |event| of(event, Kind::AuthAttempt, "router"));
    assert_eq!(login.outcome, Some(Outcome::Success));
    let creds = login.creds.expect("a login has them");
    assert_eq!(creds.user.as_deref(), Some("root"));
    assert_eq!(creds.password.as_deref(), Some("xc3511"));
    assert_eq!(login.data.text("terminal"), Some("xterm"));
    let command = world.event("the command", |event| of(event, Kind::CmdInput, "router"));
    assert_eq!(command.data.text("command"), Some("uname -r; cat /etc/hostname"));
    let closed = world.event("the end", |event| of(event, Kind::ConnClose, "router"));
    assert_eq!((login.session, command.session), (closed.session, closed.session));
}

#[test]
fn who_is_not_let_in_is_asked_again() {
    let world = World::make();
    let agent = world.agent(THREE);
    let decky = agent.decky("closed");
    let mut terminal = world.terminal(&format!("telnet {}", decky.ip));
    for password in ["admin", "root"] {
        terminal.wait("login: ");
        terminal.line("root");
        terminal.wait("Password: ");
        terminal.line(password);
    }
    assert!(terminal.shown().contains("Login incorrect"), "{}", terminal.shown());
    terminal.wait(&format!("root@{}:~# ", decky.hostname));
    let refused = world.event("the wrong login", |event| of(event, Kind::AuthAttempt, "closed"));
    assert_eq!(refused.outcome, Some(Outcome::Failure));
    assert_eq!(refused.creds.and_then(|creds| creds.password).as_deref(), Some("admin"));
    // The other system has other manners.
    let windows = agent.decky("windows");
    let mut terminal = world.terminal(&format!("telnet {}", windows.ip));
    terminal.wait("Welcome to Microsoft Telnet Service");
    terminal.wait("login: ");
    terminal.line("Administrator");
    terminal.wait("password: ");
    terminal.line("P@ssw0rd");
    terminal.wait("C:\\Users\\Administrator>");
    terminal.line("hostname");
    terminal.wait(&format!("{}\r\n", windows.hostname));
}
