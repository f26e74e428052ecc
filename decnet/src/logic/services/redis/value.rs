//! What a key may hold. Each value knows what it costs, so that all of them stay within bounds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::error::{Error, WRONG_TYPE};

/// What an element costs beside its bytes.
const ELEMENT: usize = 56;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Fields with values, in the order they came.
    Hash(Hash),
    /// A list.
    List(List),
    /// Members.
    Set(Set),
    /// Bytes.
    Text(Vec<u8>),
    /// Members in the order of their scores.
    Zset(Zset),
}

/// A list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    items: VecDeque<Vec<u8>>,
    bytes: usize,
}

/// Fields with values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hash {
    fields: BTreeMap<Vec<u8>, (u64, Vec<u8>)>,
    next: u64,
    bytes: usize,
}

/// Members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    members: BTreeSet<Vec<u8>>,
    bytes: usize,
}

/// Members with scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Zset {
    scores: BTreeMap<Vec<u8>, f64>,
    bytes: usize,
}

/// Which end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The first.
    Left,
    /// The last.
    Right,
}

/// A type of value that a command works on.
pub(super) trait Kind: Sized {
    /// An empty one.
    fn empty() -> Value;
    /// Of a value, this type.
    fn of(value: &Value) -> Option<&Self>;
    /// Of a value, this type, to be changed.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
}

macro_rules! kinds {
    ($($variant:ident $kind:ty;)*) => {
        $(impl Kind for $kind {
            fn empty() -> Value {
                Value::$variant(Self::default())
            }

            fn of(value: &Value) -> Option<&Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }
        })*
    };
}

kinds! {
    Hash Hash;
    List List;
    Set Set;
    Text Vec<u8>;
    Zset Zset;
}

impl Value {
    /// What `TYPE` says.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Hash(_) => "hash",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Text(_) => "string",
            Self::Zset(_) => "zset",
        }
    }

    /// What it costs.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Hash(hash) => hash.bytes + 2 * ELEMENT * hash.fields.len(),
            Self::List(list) => list.bytes + ELEMENT * list.items.len(),
            Self::Set(set) => set.bytes + ELEMENT * set.members.len(),
            Self::Text(text) => text.len(),
            Self::Zset(zset) => zset.bytes + ELEMENT * zset.scores.len(),
        }
    }

    /// Whether it holds nothing, so that its key is gone; a text may be empty.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Hash(hash) => hash.fields.is_empty(),
            Self::List(list) => list.items.is_empty(),
            Self::Set(set) => set.members.is_empty(),
            Self::Text(_) => false,
            Self::Zset(zset) => zset.scores.is_empty(),
        }
    }

    /// This type of value.
    pub(super) fn as_kind<K: Kind>(&self) -> Result<&K, Error> {
        K::of(self).ok_or(WRONG_TYPE)
    }
}

impl List {
    pub(super) fn items(&self) -> &VecDeque<Vec<u8>> {
        &self.items
    }

    pub(super) fn push(&mut self, end: End, item: Vec<u8>) {
        self.bytes += item.len();
        match end {
            End::Left => self.items.push_front(item),
            End::Right => self.items.push_back(item),
        }
    }

    pub(super) fn pop(&mut self, end: End) -> Option<Vec<u8>> {
        let item = match end {
            End::Left => self.items.pop_front(),
            End::Right => self.items.pop_back(),
        }?;
        self.bytes = self.bytes.saturating_sub(item.len());
        Some(item)
    }

    /// Puts an item at a place that there is.
    pub(super) fn insert(&mut self, at: usize, item: Vec<u8>) {
        self.bytes += item.len();
        self.items.insert(at.min(self.items.len()), item);
    }

    /// Replaces the item at a place; whether there was one.
    pub(super) fn replace(&mut self, at: usize, item: Vec<u8>) -> bool {
        let Some(old) = self.items.get_mut(at) else { return false };
        self.bytes = (self.bytes + item.len()).saturating_sub(old.len());
        *old = item;
        true
    }

    /// Keeps the items for which `keep` says so.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(usize, &[u8]) -> bool) {
        let mut at = 0;
        self.items.retain(|item| {
            at += 1;
            keep(at - 1, item)
        });
        self.bytes = self.items.iter().map(Vec::len).sum();
    }
}

impl Hash {
    /// Sets a field; whether it is new.
    pub(super) fn put(&mut self, field: &[u8], value: Vec<u8>) -> bool {
        self.bytes += value.len();
        if let Some((_, old)) = self.fields.get_mut(field) {
            self.bytes = self.bytes.saturating_sub(old.len());
            *old = value;
            return false;
        }
        self.bytes += field.len();
        self.fields.insert(field.to_vec(), (self.next, value));
        self.next += 1;
        true
    }

    pub(super) fn value(&self, field: &[u8]) -> Option<&Vec<u8>> {
        self.fields.get(field).map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let Some((_, value)) = self.fields.remove(field) else { return false };
        self.bytes = self.bytes.saturating_sub(field.len() + value.len());
        true
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Fields and values in the order they came.
    pub(super) fn all(&self) -> Vec<(&[u8], &[u8])> {
        let mut all: Vec<_> = self.fields.iter().collect();
        all.sort_unstable_by_key(|(_, (order, _))| *order);
        all.into_iter().map(|(field, (_, value))| (field.as_slice(), value.as_slice())).collect()
    }
}

impl Set {
    pub(super) fn add(&mut self, member: &[u8]) -> bool {
        let new = self.members.insert(member.to_vec());
        self.bytes += if new { member.len() } else { 0 };
        new
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let had = self.members.remove(member);
        self.bytes = self.bytes.saturating_sub(if had { member.len() } else { 0 });
        had
    }

    pub(super) fn contains(&self, member: &[u8]) -> bool {
        self.members.contains(member)
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether all members are whole numbers.
    pub(super) fn is_numeric(&self) -> bool {
        self.members.len() <= 512
            && self.members.iter().all(|member| super::request::number(member).is_some())
    }

    /// The members: numbers in their order, else as the server's hash, seeded so, would have them.
    pub(super) fn all(&self, seed: u64) -> Vec<&[u8]> {
        let mut all: Vec<_> = self.members.iter().map(Vec::as_slice).collect();
        if self.is_numeric() {
            all.sort_by_cached_key(|member| super::request::number(member));
        } else {
            all.sort_by_cached_key(|member| scatter(member, seed));
        }
        all
    }
}

impl Zset {
    /// Sets a score; what it was.
    pub(super) fn put(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.scores.insert(member.to_vec(), score);
        self.bytes += if old.is_none() { member.len() } else { 0 };
        old
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.remove(member)?;
        self.bytes = self.bytes.saturating_sub(member.len());
        Some(score)
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// Members and scores in order.
    pub(super) fn all(&self) -> Vec<(&[u8], f64)> {
        let mut all: Vec<_> = self.scores.iter().map(|(m, score)| (m.as_slice(), *score)).collect();
        all.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(b.0)));
        all
    }
}

/// A number that scatters keys, so that they come in no order that anybody can foretell (FNV-1a
/// from a secret start, finished as splitmix64).
pub(super) fn scatter(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = seed;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
