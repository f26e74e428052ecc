//! A visitor for tests: enough of an SSH client to reach every message of the server.

use std::time::Duration;

use ed25519_dalek::Verifier as _;
use x25519_dalek::StaticSecret;

use super::super::kex::{Direction, Hash, Keys, Proposal};
use super::super::packet::{Input, Opener, Packet, Sealer};
use super::super::wire::{Reader, Writer};
use super::super::{Session, Settings, number, profile};
use crate::logic::decky::{Identity, Secret};
use crate::logic::persona;
use crate::logic::services::{Context, Reply, Report, Service, State};
use crate::logic::time::Timestamp;

/// The client's identification string.
pub(in super::super) const IDENT: &str = "SSH-2.0-test";

/// The lists of a client that wants the strict form, without the padding of real ones.
pub(in super::super) const STRICT: &str =
    "curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh.com";

/// A visitor with a server of its own.
pub(in super::super) struct Visitor {
    pub(in super::super) identity: Identity,
    pub(in super::super) state: State,
    pub(in super::super) reports: Vec<Report>,
    /// Bytes of the server that were not looked at.
    pub(in super::super) received: Input,
    pub(in super::super) closed: bool,
    pub(in super::super) reset: bool,
    /// What the server asked to wait, one after the other, in milliseconds.
    pub(in super::super) waits: Vec<u128>,
    session: Session,
    now: Timestamp,
    seed: u8,
    sealer: Sealer,
    opener: Opener,
    /// First exchange hash.
    name: Vec<u8>,
}

/// What the visitor offers.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Offer {
    pub(in super::super) kex: &'static str,
    pub(in super::super) host_key: &'static str,
    pub(in super::super) cipher: &'static str,
    pub(in super::super) mac: &'static str,
    pub(in super::super) compression: &'static str,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            kex: STRICT,
            host_key: "ssh-ed25519",
            cipher: "aes128-ctr",
            mac: "hmac-sha2-256",
            compression: "none",
        }
    }
}

impl Offer {
    pub(in super::super) fn message(self) -> Vec<u8> {
        let twice = |writer: Writer, list: &str| writer.string(list).string(list);
        let writer = Writer::message(number::KEXINIT).raw([0; 16]);
        let writer = writer.string(self.kex).string(self.host_key);
        let writer = twice(twice(twice(writer, self.cipher), self.mac), self.compression);
        twice(writer, "").flag(false).u32(0).done()
    }
}

impl Visitor {
    /// A visitor of a decky with this persona, before anything was said.
    pub(in super::super) fn of(persona: &str, settings: &Settings) -> Self {
        let persona = persona::find(persona).unwrap();
        let identity = Identity {
            name: "files-01".parse().unwrap(),
            hostname: "files-01".to_owned(),
            persona,
            mac: persona.mac([1, 2, 3, 4]),
            ip: [192, 0, 2, 1].into(),
            ip6: None,
            // One whose RSA key is found in two steps.
            secret: Secret([79; 32]),
            booted: Timestamp(1),
        };
        let mut visitor = Self {
            identity,
            state: State::default(),
            reports: Vec::new(),
            received: Input::default(),
            closed: false,
            reset: false,
            waits: Vec::new(),
            session: Session::new(settings),
            now: Timestamp(1_700_000_000_000_000_000),
            seed: 0,
            sealer: Sealer::default(),
            opener: Opener::default(),
            name: Vec::new(),
        };
        visitor.call(|session, context, reply| session.open(context, reply));
        visitor
    }

    /// The same of a Debian 12 with plain settings, after its greeting was read.
    pub(in super::super) fn debian() -> Self {
        let mut visitor = Self::of("debian-12", &Settings::default());
        assert_eq!(visitor.line(), b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n");
        visitor
    }

    /// The same after a key exchange.
    pub(in super::super) fn encrypted(offer: Offer) -> Self {
        let mut visitor = Self::debian();
        visitor.exchange(offer);
        visitor
    }

    /// The same after a login, with what the server says unasked after it read.
    pub(in super::super) fn logged_in(user: &str) -> Self {
        let mut visitor = Self::encrypted(Offer::default());
        visitor.log_in(user);
        visitor
    }

    pub(in super::super) fn log_in(&mut self, user: &str) {
        self.say(Writer::message(number::SERVICE_REQUEST).string("ssh-userauth"));
        self.say(password(user, "secret"));
        let kinds: Vec<u8> = self.messages().iter().map(|message| message[0]).collect();
        let expected = [
            number::EXT_INFO,
            number::SERVICE_ACCEPT,
            number::USERAUTH_SUCCESS,
            number::GLOBAL_REQUEST,
        ];
        assert!(expected.ends_with(&kinds), "{kinds:?}");
    }

    /// Sends bytes as they are.
    pub(in super::super) fn send(&mut self, bytes: &[u8]) {
        if !self.closed && !bytes.is_empty() {
            self.call(|session, context, reply| session.receive(bytes, context, reply));
        }
    }

    /// Sends a message in a packet.
    pub(in super::super) fn say(&mut self, message: impl AsRef<[u8]>) {
        let packet = self.packet(message);
        self.send(&packet);
    }

    /// A message in a packet, which counts as sent.
    pub(in super::super) fn packet(&mut self, message: impl AsRef<[u8]>) -> Vec<u8> {
        let mut packet = Vec::new();
        self.sealer.seal(message.as_ref(), &mut |padding| padding.fill(0), &mut packet);
        packet
    }

    /// Ends the connection.
    pub(in super::super) fn hang_up(&mut self) {
        self.call(|session, context, reply| session.end(context, reply));
    }

    /// What the server said up to the next line end.
    pub(in super::super) fn line(&mut self) -> Vec<u8> {
        let bytes = self.received.bytes();
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        let line = bytes[..end].to_vec();
        self.received.skip(end);
        line
    }

    /// The packets that the server sent since.
    pub(in super::super) fn messages(&mut self) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        while let Some(message) = self.next() {
            messages.push(message);
        }
        assert!(self.received.is_empty(), "a broken packet");
        messages
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        self.opener.open(&mut self.received).unwrap().map(|Packet { payload, .. }| payload)
    }

    /// The first exchange of keys.
    pub(in super::super) fn exchange(&mut self, offer: Offer) {
        self.send(format!("{IDENT}\r\n").as_bytes());
        let theirs = self.next().unwrap();
        let ours = offer.message();
        self.say(&ours);
        self.finish(&ours, &theirs);
    }

    /// A further one.
    pub(in super::super) fn exchange_again(&mut self) {
        let ours = Offer::default().message();
        self.say(&ours);
        let theirs = self.next().unwrap();
        self.finish(&ours, &theirs);
    }

    /// The first exchange hash.
    pub(in super::super) fn session_id(&self) -> &[u8] {
        &self.name
    }

    fn finish(&mut self, ours: &[u8], theirs: &[u8]) {
        let secret = StaticSecret::from([9; 32]);
        let public = x25519_dalek::PublicKey::from(&secret);
        self.say(Writer::message(number::KEX_INIT).string(public.as_bytes()));
        let reply = self.next().unwrap();
        let mut reader = Reader::new(&reply[1..]);
        let host_key = reader.string().unwrap();
        let value = reader.string().unwrap();
        let signature = reader.string().unwrap();
        let value_bytes: [u8; 32] = value.try_into().unwrap();
        let shared = secret.diffie_hellman(&value_bytes.into());
        let shared = Writer::default().mpint(shared.as_bytes()).done();
        let hashed = Writer::default()
            .string(IDENT)
            .string(self.identity.persona.ssh)
            .string(ours)
            .string(theirs)
            .string(host_key)
            .string(public.as_bytes())
            .string(value)
            .raw(&shared);
        let exchange = Hash::Sha256.of(&[hashed.as_ref()]);
        verify(host_key, &exchange, signature);
        assert_eq!(self.next().unwrap(), [number::NEWKEYS]);
        let profile = profile::of(self.identity.persona);
        let agreed = Proposal::read(&ours[1..]).unwrap().agree(profile, profile.kex).unwrap();
        if self.name.is_empty() {
            self.name.clone_from(&exchange);
        }
        let session = self.name.clone();
        let keys = Keys { hash: Hash::Sha256, shared, exchange, session };
        self.opener.rekey(keys.protection(agreed.down, Direction::Down), agreed.strict);
        self.say([number::NEWKEYS]);
        self.sealer.rekey(keys.protection(agreed.up, Direction::Up), agreed.strict);
    }

    fn call(&mut self, act: impl FnOnce(&mut Session, &mut Context<'_>, &mut Reply)) {
        let mut reply = self.once(act);
        while let Some(wait) = reply.wait.or(reply.calculate.then_some(Duration::ZERO)) {
            assert!(!reply.close, "a wait at the end");
            self.waits.push(wait.as_millis());
            self.now = self.now.plus(wait);
            if cfg!(fuzzing) && self.waits.len() > 1_000 {
                // Whoever says anything may also ask a program to wait for ever.
                self.closed = true;
                return;
            }
            assert!(self.waits.len() < 10_000, "it waits for ever");
            reply = self.once(|session, context, reply| session.wake(context, reply));
        }
    }

    fn once(&mut self, act: impl FnOnce(&mut Session, &mut Context<'_>, &mut Reply)) -> Reply {
        let seed = &mut self.seed;
        let mut random = |buffer: &mut [u8]| {
            for byte in buffer {
                *seed = seed.wrapping_mul(5).wrapping_add(3);
                *byte = *seed;
            }
        };
        let mut context = Context {
            now: self.now,
            decky: &self.identity,
            state: &mut self.state,
            random: &mut random,
            local: ([192, 0, 2, 1], 22).into(),
            peer: ([192, 0, 2, 9], 50_000).into(),
        };
        let mut reply = Reply::default();
        act(&mut self.session, &mut context, &mut reply);
        self.received.push(&reply.bytes);
        self.reports.append(&mut reply.reports);
        self.closed |= reply.close;
        self.reset |= reply.reset;
        reply
    }
}

/// A login with a password.
pub(in super::super) fn password(user: &str, password: &str) -> Writer {
    let request = Writer::message(number::USERAUTH_REQUEST).string(user).string("ssh-connection");
    request.string("password").flag(false).string(password)
}

/// Panics unless the signature is that of an Ed25519 key.
pub(in super::super) fn verify(host_key: &[u8], message: &[u8], signature: &[u8]) {
    let (mut key, mut signature) = (Reader::new(host_key), Reader::new(signature));
    assert_eq!(key.string(), Ok(b"ssh-ed25519".as_slice()));
    assert_eq!(signature.string(), Ok(b"ssh-ed25519".as_slice()));
    let key = key.string().unwrap().try_into().unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
    let signature = signature.string().unwrap().try_into().unwrap();
    key.verify(message, &ed25519_dalek::Signature::from_bytes(&signature)).unwrap();
}
