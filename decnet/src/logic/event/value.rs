//! What else an event says: a small ordered map of flat values.
//!
//! Flat on purpose: these come out of the process that faces visitors, and a reader must not be
//! led into recursion by it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value of [`Data`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Named texts, in order; a name may come twice.
    Fields(Vec<(String, String)>),
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(u64),
    /// Whole numbers.
    Numbers(Vec<u64>),
    /// Text.
    Text(Cow<'static, str>),
    /// Texts.
    Texts(Vec<String>),
}

/// Named values in the order they were put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data(Vec<(Cow<'static, str>, Value)>);

impl Data {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, with room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a value.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.put(key, value);
        self
    }

    /// Adds a value.
    pub fn put(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.0.push((key.into(), value.into()));
    }

    /// The value named `key`.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text named `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.value(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number named `key`.
    pub fn number(&self, key: &str) -> Option<u64> {
        match self.value(key)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The numbers named `key`.
    pub fn numbers(&self, key: &str) -> &[u64] {
        match self.value(key) {
            Some(Value::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let pair = |(name, value): &(Cow<'static, str>, Value)| name.len() + value.weight();
        self.0.capacity() * size_of::<(Cow<'static, str>, Value)>()
            + self.0.iter().map(pair).sum::<usize>()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }
}

impl Value {
    /// About how many bytes of memory it takes beside its own size.
    fn weight(&self) -> usize {
        let pair =
            |(key, text): &(String, String)| 2 * size_of::<String>() + key.len() + text.len();
        match self {
            Self::Fields(fields) => fields.iter().map(pair).sum(),
            Self::Flag(_) | Self::Number(_) => 0,
            Self::Numbers(numbers) => size_of_val(numbers.as_slice()),
            Self::Text(text) => text.len(),
            Self::Texts(texts) => texts.iter().map(|text| size_of::<String>() + text.len()).sum(),
        }
    }
}

impl fmt::Display for Value {
    /// Text as it is; several with commas between, named ones as `name=text`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comma = |index| if index == 0 { "" } else { "," };
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Fields(fields) => fields
                .iter()
                .enumerate()
                .try_for_each(|(index, (key, text))| write!(f, "{}{key}={text}", comma(index))),
            Self::Numbers(numbers) => numbers
                .iter()
                .enumerate()
                .try_for_each(|(index, number)| write!(f, "{}{number}", comma(index))),
            Self::Texts(texts) => texts
                .iter()
                .enumerate()
                .try_for_each(|(index, text)| write!(f, "{}{text}", comma(index))),
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(number as u64)
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<u64>> for Value {
    fn from(numbers: Vec<u64>) -> Self {
        Self::Numbers(numbers)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl From<Vec<(String, String)>> for Value {
    fn from(fields: Vec<(String, String)>) -> Self {
        Self::Fields(fields)
    }
}

/// How a value travels between our own processes, where the format does not describe itself.
#[derive(Serialize, Deserialize)]
enum Wire<'a> {
    Fields(Cow<'a, [(String, String)]>),
    Flag(bool),
    Number(u64),
    Numbers(Cow<'a, [u64]>),
    Text(Cow<'a, str>),
    Texts(Cow<'a, [String]>),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if !to.is_human_readable() {
            return match self {
                Self::Fields(fields) => Wire::Fields(fields.into()),
                Self::Flag(flag) => Wire::Flag(*flag),
                Self::Number(number) => Wire::Number(*number),
                Self::Numbers(numbers) => Wire::Numbers(numbers.into()),
                Self::Text(text) => Wire::Text(text.as_ref().into()),
                Self::Texts(texts) => Wire::Texts(texts.into()),
            }
            .serialize(to);
        }
        match self {
            Self::Flag(flag) => to.serialize_bool(*flag),
            Self::Number(number) => to.serialize_u64(*number),
            Self::Numbers(numbers) => numbers.serialize(to),
            Self::Text(text) => to.serialize_str(text),
            Self::Texts(texts) => texts.serialize(to),
            // A list of pairs: names may come twice, and their order is a fingerprint.
            Self::Fields(fields) => {
                let mut seq = to.serialize_seq(Some(fields.len()))?;
                for (key, text) in fields {
                    seq.serialize_element(&[key, text])?;
                }
                seq.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            return from.deserialize_any(ValueVisitor);
        }
        Ok(match Wire::deserialize(from)? {
            Wire::Fields(fields) => Self::Fields(fields.into_owned()),
            Wire::Flag(flag) => Self::Flag(flag),
            Wire::Number(number) => Self::Number(number),
            Wire::Numbers(numbers) => Self::Numbers(numbers.into_owned()),
            Wire::Text(text) => Self::Text(text.into_owned().into()),
            Wire::Texts(texts) => Self::Texts(texts.into_owned()),
        })
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key.as_ref(), value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of flat values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        let mut data = Data::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            data.put(key, value);
        }
        Ok(data)
    }
}

/// An element of a list, as JSON writes it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Element {
    Field(String, String),
    Number(u64),
    Text(String),
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flag, a whole number, a text or a list of one of these")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned().into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = match seq.next_element()? {
            None => return Ok(Value::Texts(Vec::new())),
            Some(Element::Field(key, text)) => Value::Fields(vec![(key, text)]),
            Some(Element::Number(number)) => Value::Numbers(vec![number]),
            Some(Element::Text(text)) => Value::Texts(vec![text]),
        };
        while let Some(element) = seq.next_element()? {
            match (&mut list, element) {
                (Value::Fields(fields), Element::Field(key, text)) => fields.push((key, text)),
                (Value::Numbers(numbers), Element::Number(number)) => numbers.push(number),
                (Value::Texts(texts), Element::Text(text)) => texts.push(text),
                _ => return Err(A::Error::custom("a list of several kinds")),
            }
        }
        Ok(list)
    }
}
