//! Who holds the live streams of the api, and who gives one up for whoever comes.

use crate::logic::source::Source;

/// How many there are.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For all.
    pub all: usize,
    /// Of one login.
    pub login: usize,
    /// Of one source.
    pub source: usize,
    /// Of one user.
    pub user: usize,
}

/// Who has a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// By which login.
    pub login: String,
    /// From where.
    pub source: Source,
    /// Who.
    pub user: String,
}

/// Whether somebody may have one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is one.
    Free,
    /// Once this one has been given up.
    Instead(u64),
    /// No: whoever asks has had its share.
    Refused,
}

/// The streams that are held: few, so they are gone through.
#[derive(Debug)]
pub struct Seats {
    limits: Limits,
    /// The oldest first.
    held: Vec<(u64, Holder)>,
}

impl Seats {
    /// None is held.
    pub const fn new(limits: Limits) -> Self {
        Self { limits, held: Vec::new() }
    }

    /// Whether `who` may have one more. Where there is none left, of all or of a source, the user who
    /// has most of them gives up the oldest, for whoever has fewer.
    pub fn ask(&self, who: &Holder) -> Verdict {
        let Limits { all, login, source, user } = self.limits;
        if self.count(|one| one.login == who.login) >= login
            || self.count(|one| one.user == who.user) >= user
        {
            return Verdict::Refused;
        }
        if self.count(|one| one.source == who.source) >= source {
            return self.instead(who, |one| one.source == who.source);
        }
        if self.held.len() >= all { self.instead(who, |_| true) } else { Verdict::Free }
    }

    /// `who` has one, by a number of its own.
    pub fn take(&mut self, number: u64, who: Holder) {
        self.held.push((number, who));
    }

    /// It is free again.
    pub fn leave(&mut self, number: u64) {
        self.held.retain(|(other, _)| *other != number);
    }

    fn count(&self, is: impl Fn(&Holder) -> bool) -> usize {
        self.held.iter().filter(|(_, one)| is(one)).count()
    }

    fn instead(&self, who: &Holder, among: impl Fn(&Holder) -> bool) -> Verdict {
        let of = |user: &str| self.count(|one| among(one) && one.user == user);
        let those = self.held.iter().filter(|(_, one)| among(one));
        // Of those with equally many the first is found, and of one user the oldest.
        let greediest = those.map(|(number, one)| (of(&one.user), *number));
        let greediest = greediest.reduce(|best, next| if next.0 > best.0 { next } else { best });
        match greediest {
            Some((count, number)) if count > of(&who.user).saturating_add(1) => {
                Verdict::Instead(number)
            }
            _ => Verdict::Refused,
        }
    }
}

#[cfg(test)]
mod tests;
