//! The decky that targets talk to.

use std::net::SocketAddr;

use decnet::logic::decky::{Identity, Secret};
use decnet::logic::persona;
use decnet::logic::services::{Context, State};
use decnet::logic::time::Timestamp;

/// When it all happens.
pub const NOW: Timestamp = Timestamp(1_790_000_000_000_000_000);

/// A decky, what its visitors share, and a clock and dice that are the same each time.
#[derive(Debug)]
pub struct Decky {
    identity: Identity,
    /// What its visitors share.
    pub state: State,
    /// The time now.
    pub now: Timestamp,
    dice: u8,
}

impl Decky {
    /// A decky of the persona with this number, counted round and round.
    pub fn new(persona: u8) -> Self {
        let index = usize::from(persona) % persona::ALL.len();
        let persona = persona::ALL.get(index).expect("there is one for each remainder");
        let mac = persona.mac([0, 1, 2, 3]);
        let name = "files-01".parse().expect("a name");
        let identity = Identity {
            hostname: persona::hostname(persona, &name, mac),
            name,
            persona,
            mac,
            ip: [192, 168, 7, 20].into(),
            ip6: None,
            secret: Secret([7; 32]),
            booted: Timestamp(NOW.0 - 3_000_000_000_000_000),
        };
        Self { identity, state: State::default(), now: NOW, dice: 7 }
    }

    /// Calls something of it with a context.
    pub fn call<T>(&mut self, port: u16, act: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let dice = &mut self.dice;
        let mut random = |buffer: &mut [u8]| {
            for byte in buffer {
                *dice = dice.wrapping_mul(5).wrapping_add(3);
                *byte = *dice;
            }
        };
        act(&mut Context {
            now: self.now,
            decky: &self.identity,
            state: &mut self.state,
            random: &mut random,
            local: SocketAddr::from(([192, 168, 7, 20], port)),
            peer: SocketAddr::from(([192, 168, 7, 99], 51_000)),
        })
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}
