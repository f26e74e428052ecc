//! Whose turn it is.
//!
//! Every visitor has a lane, and every door at which visitors come in. Doors get as much time as
//! visitors do, and both share theirs by lanes. What takes long is calculated in pieces behind all
//! other work. A visitor who has used up a share, of
//! the reports that wait for the agent or of the bytes that are held, waits with all connections,
//! which are then sent what they are owed and nothing else.

use std::time::{Duration, Instant};

use mio::Token;

use super::connection::After;
use super::outbox::Outbox;
use super::served::Deckies;
use crate::logic::fair::{Left, Turns};
use crate::logic::source::Source;

/// How long turns are given before channels and sockets are looked at again.
const SPELL: Duration = Duration::from_millis(4);

/// Something that may be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Connection(usize),
    /// The data connection of this connection.
    Data(usize),
    Door(usize),
}

/// What waits for a turn.
#[derive(Default)]
pub(super) struct Ready {
    doors: Turns<usize, usize>,
    visitors: Turns<Source, Who>,
    /// What turns of doors and of visitors have cost since only one of them had any.
    cost: [Duration; 2],
}

/// Whose turn it is.
#[derive(Clone, Copy)]
enum Turn {
    Door(usize),
    Visitor(Source, Who),
}

impl Ready {
    pub(super) fn is_empty(&self) -> bool {
        self.doors.is_empty() && self.visitors.is_empty()
    }

    fn begin(&mut self) -> Option<Turn> {
        if self.doors.is_empty() || self.visitors.is_empty() {
            self.cost = [Duration::ZERO; 2];
        }
        if self.visitors.is_empty() || !self.doors.is_empty() && self.cost[0] <= self.cost[1] {
            return self.doors.begin().map(|(door, _)| Turn::Door(door));
        }
        self.visitors.begin().map(|(source, who)| Turn::Visitor(source, who))
    }

    fn over(&mut self, turn: Turn, cost: Duration) {
        let which = match turn {
            Turn::Door(_) => {
                self.doors.over(cost);
                0
            }
            Turn::Visitor(..) => {
                self.visitors.over(cost);
                1
            }
        };
        self.cost[which] += cost;
    }
}

impl From<Token> for Who {
    fn from(Token(token): Token) -> Self {
        match token % 3 {
            0 => Self::Door(token / 3),
            1 => Self::Connection(token / 3),
            _ => Self::Data(token / 3),
        }
    }
}

impl From<Who> for Token {
    fn from(who: Who) -> Self {
        match who {
            Who::Door(index) => Self(index * 3),
            Who::Connection(index) => Self(index * 3 + 1),
            Who::Data(index) => Self(index * 3 + 2),
        }
    }
}

impl Deckies {
    /// Takes note that a socket is ready.
    pub(super) fn ready(&mut self, token: Token) {
        self.wants_turn(token.into());
    }

    /// Puts something in its lane.
    pub(super) fn wants_turn(&mut self, who: Who) {
        match who {
            Who::Door(index) => self.ready.doors.push(index, index),
            Who::Connection(index) | Who::Data(index) => {
                // What is gone has no more turns.
                let Some(connection) = self.connections.get(index) else { return };
                self.ready.visitors.push(connection.source(), who);
            }
        }
    }

    /// Whether anything waits for its turn.
    pub(super) fn has_ready(&self) -> bool {
        !(self.ready.is_empty() && self.calculations.is_empty())
    }

    /// When the next connection wants to be woken.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Gives what is ready its turn, for a while.
    pub(super) fn turn(&mut self, now: Instant, outbox: &mut Outbox) {
        while let Some(index) = self.timers.pop(now) {
            self.wants_turn(Who::Connection(index));
        }
        self.unpark(outbox);
        let mut at = now;
        while at < now + SPELL
            && !outbox.is_full()
            && let Some(turn) = self.ready.begin()
        {
            match turn {
                Turn::Door(index) => self.turn_door(index, at, outbox),
                Turn::Visitor(source, who) => self.turn_visitor(source, who, at, outbox),
            }
            let then = Instant::now();
            self.ready.over(turn, then.saturating_duration_since(at));
            at = then;
        }
        self.calculate(at, outbox);
    }

    fn turn_visitor(&mut self, source: Source, who: Who, now: Instant, outbox: &mut Outbox) {
        let may_go_on = self.may_go_on(source, outbox);
        let (Who::Connection(index) | Who::Data(index)) = who else { return };
        let Some(connection) = self.connections.get_mut(index) else { return };
        if connection.source() != source {
            // Another has the number of one that is gone.
            return;
        }
        if !may_go_on {
            self.parked.entry(source).or_default().insert(who);
            let after = connection.send_owed();
            return self.follow_up(index, after, now, outbox);
        }
        match who {
            Who::Connection(_) => self.turn_connection(index, now, outbox),
            Who::Data(_) => self.turn_data(index, now, outbox),
            Who::Door(_) => {}
        }
    }

    /// One piece of what takes long.
    fn calculate(&mut self, now: Instant, outbox: &mut Outbox) {
        if outbox.is_full() {
            return;
        }
        let Some((source, index)) = self.calculations.begin() else { return };
        let mut left = Left::None;
        if let Some(connection) = self.connections.get_mut(index)
            && connection.source() == source
            && connection.calculates()
        {
            let after = connection.calculate(now, outbox);
            if after == After::Calculate {
                left = Left::Some;
                self.weigh(index);
            } else {
                self.follow_up(index, after, now, outbox);
            }
        }
        self.calculations.over(source, now.elapsed(), left);
    }

    fn may_go_on(&self, source: Source, outbox: &Outbox) -> bool {
        outbox.has_room(source) && self.held.has_room(source)
    }

    /// Lets those go on who may again.
    fn unpark(&mut self, outbox: &Outbox) {
        if self.parked.is_empty() {
            return;
        }
        let may = |source: &&Source| self.may_go_on(**source, outbox);
        let sources: Vec<Source> = self.parked.keys().filter(may).copied().collect();
        for source in sources {
            for who in self.parked.remove(&source).unwrap_or_default() {
                self.wants_turn(who);
            }
        }
    }
}
