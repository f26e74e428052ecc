//! How often somebody may guess a password: who guesses wrong waits longer each time, and nobody
//! else does. Whoever has logged in before from where they are never waits for what others try.

use std::collections::BTreeMap;
use std::time::Duration;

use super::limiter::Limiter;
use super::source::Source;
use super::time::Timestamp;

/// Wrong guesses that cost nothing: of one source, and of one source at one name.
const FREE: u32 = 10;
const FREE_AT_NAME: u32 = 5;
/// How long the first wait is, which doubles with each further wrong guess up to the longest.
const FIRST: Duration = Duration::from_secs(4);
const LONGEST: Duration = Duration::from_mins(15);
/// Wrong guesses are forgotten when so long none came.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// Guesses of all sources that are new here: so many at once, and one more each pause.
const NEW: (u32, Duration) = (60, Duration::from_secs(1));
/// Those of a source at a name with which it has logged in before.
const KNOWN: (u32, Duration) = (100, Duration::from_secs(1));
/// Sources, names at sources, and logins that are remembered.
const REMEMBERED: usize = 4_096;

/// Who has guessed, and who has logged in.
#[derive(Debug)]
pub struct Guesses {
    sources: Wrong<Source>,
    names: Wrong<(Source, String)>,
    new: Limiter<()>,
    known: Limiter<(Source, String)>,
    /// From where who has logged in, and when last.
    logins: BTreeMap<(Source, String), Timestamp>,
}

impl Guesses {
    /// With the logins of before.
    pub fn new(logins: impl IntoIterator<Item = (Source, String, Timestamp)>) -> Self {
        let logins = logins.into_iter().take(REMEMBERED);
        Self {
            sources: Wrong::new(FREE),
            names: Wrong::new(FREE_AT_NAME),
            new: Limiter::new(NEW.0, NEW.1, 1),
            known: Limiter::new(KNOWN.0, KNOWN.1, REMEMBERED),
            logins: logins.map(|(source, name, at)| ((source, name), at)).collect(),
        }
    }

    /// Takes a guess at the password of `name`, as a wrong one until it is known to be right.
    ///
    /// # Errors
    ///
    /// How long whoever guesses must wait.
    pub fn take(&mut self, source: Source, name: &str, now: Timestamp) -> Result<(), Duration> {
        let at_name = (source, name.to_owned());
        if self.logins.contains_key(&at_name) {
            return self.known.take(&at_name, now);
        }
        let waits = [self.sources.wait(&source, now), self.names.wait(&at_name, now)];
        let wait = waits.into_iter().max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        self.new.take(&(), now)?;
        self.sources.add(source, now);
        self.names.add(at_name, now);
        Ok(())
    }

    /// The guess was right; says whether nobody of that name had logged in from there before.
    pub fn right(&mut self, source: Source, name: &str, now: Timestamp) -> bool {
        let at_name = (source, name.to_owned());
        if let Some(last) = self.logins.get_mut(&at_name) {
            *last = now;
            self.known.give_back(&at_name);
            return false;
        }
        self.new.give_back(&());
        self.sources.forgive(&source);
        self.names.forget(&at_name);
        if self.logins.len() >= REMEMBERED {
            let oldest = self.logins.iter().min_by_key(|(_, at)| **at).map(|(who, _)| who.clone());
            oldest.map(|who| self.logins.remove(&who));
        }
        self.logins.insert(at_name, now);
        true
    }

    /// Who has logged in from where, and when.
    pub fn logins(&self) -> impl Iterator<Item = (Source, &str, Timestamp)> {
        self.logins.iter().map(|((source, name), at)| (*source, name.as_str(), *at))
    }
}

/// Wrong guesses by key.
#[derive(Debug)]
struct Wrong<K> {
    free: u32,
    keys: BTreeMap<K, Tally>,
}

#[derive(Clone, Copy, Debug)]
struct Tally {
    count: u32,
    last: Timestamp,
}

impl<K: Clone + Ord> Wrong<K> {
    fn new(free: u32) -> Self {
        Self { free, keys: BTreeMap::new() }
    }

    /// How long `key` must wait from now on.
    fn wait(&self, key: &K, now: Timestamp) -> Duration {
        let Some(tally) = self.keys.get(key) else { return Duration::ZERO };
        let Some(over) = tally.count.checked_sub(self.free) else { return Duration::ZERO };
        let wait = FIRST.saturating_mul(1 << over.min(20)).min(LONGEST);
        // A clock that was set back is no reason to wait for years.
        let passed = if now < tally.last { LONGEST } else { now.since(tally.last) };
        wait.saturating_sub(passed)
    }

    fn add(&mut self, key: K, now: Timestamp) {
        if self.keys.len() >= REMEMBERED && !self.keys.contains_key(&key) {
            let oldest = self.keys.iter().min_by_key(|(_, tally)| tally.last);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.map(|key| self.keys.remove(&key));
        }
        let tally = self.keys.entry(key).or_insert(Tally { count: 0, last: now });
        if now.since(tally.last) > FORGOTTEN {
            tally.count = 0;
        }
        *tally = Tally { count: tally.count.saturating_add(1), last: now };
    }

    /// Takes one back.
    fn forgive(&mut self, key: &K) {
        if let Some(tally) = self.keys.get_mut(key) {
            tally.count = tally.count.saturating_sub(1);
        }
    }

    fn forget(&mut self, key: &K) {
        self.keys.remove(key);
    }
}

#[cfg(test)]
mod tests;
