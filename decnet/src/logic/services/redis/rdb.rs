//! The file that `SAVE` would write: the keys in Redis's own format (RDB version 10).
//!
//! ```text
//! "REDIS0010"  0xFA name value …  0xFE database  [0xFC milliseconds] type key value …  0xFF checksum
//! ```
//! The checksum is 0, as with `rdbchecksum no`. Source: `rdb.c` of Redis 7.0.

use super::keys::{DATABASES, Keys};
use super::out::double;
use super::value::Value;
use crate::logic::time::Timestamp;

const AUXILIARY: u8 = 0xfa;
const EXPIRES: u8 = 0xfc;
const DATABASE: u8 = 0xfe;
const END: u8 = 0xff;

/// Writes all keys.
pub(super) fn write(keys: &Keys, version: &str, now: Timestamp) -> Vec<u8> {
    let mut file = b"REDIS0010".to_vec();
    let created = (now.millis() / 1000).to_string();
    let used = (keys.cost() + 920_000).to_string();
    for (name, value) in [
        ("redis-ver", version),
        ("redis-bits", "64"),
        ("ctime", &created),
        ("used-mem", &used),
        ("aof-base", "0"),
    ] {
        file.push(AUXILIARY);
        text(&mut file, name.as_bytes());
        text(&mut file, value.as_bytes());
    }
    for index in 0..DATABASES {
        let database = keys.database(index);
        if database.is_empty() {
            continue;
        }
        file.push(DATABASE);
        length(&mut file, index);
        for (key, entry) in database {
            if let Some(end) = entry.expires {
                file.push(EXPIRES);
                file.extend_from_slice(&end.to_le_bytes());
            }
            value(&mut file, key, &entry.value);
        }
    }
    file.push(END);
    file.extend_from_slice(&[0; 8]);
    file
}

/// A number for what a key holds: another value has another.
pub(super) fn digest(key: &[u8], held: &Value, seed: u64) -> u64 {
    let mut file = Vec::new();
    value(&mut file, key, held);
    super::value::scatter(&file, seed).max(1)
}

fn value(file: &mut Vec<u8>, key: &[u8], value: &Value) {
    let (kind, count) = match value {
        Value::Text(_) => (0, None),
        Value::List(list) => (1, Some(list.items().len())),
        Value::Set(set) => (2, Some(set.len())),
        Value::Zset(zset) => (3, Some(zset.len())),
        Value::Hash(hash) => (4, Some(hash.len())),
    };
    file.push(kind);
    text(file, key);
    if let Some(count) = count {
        length(file, count);
    }
    match value {
        Value::Text(bytes) => text(file, bytes),
        Value::List(list) => list.items().iter().for_each(|item| text(file, item)),
        Value::Set(set) => set.all(0).iter().for_each(|member| text(file, member)),
        Value::Zset(zset) => {
            for (member, score) in zset.all() {
                text(file, member);
                let score = double(score);
                file.push(u8::try_from(score.len()).unwrap_or(u8::MAX));
                file.extend_from_slice(score.as_bytes());
            }
        }
        Value::Hash(hash) => {
            for (field, value) in hash.all() {
                text(file, field);
                text(file, value);
            }
        }
    }
}

fn text(file: &mut Vec<u8>, bytes: &[u8]) {
    length(file, bytes.len());
    file.extend_from_slice(bytes);
}

/// A length in one, two or five bytes.
fn length(file: &mut Vec<u8>, length: usize) {
    let number = u32::try_from(length).unwrap_or(u32::MAX);
    let [a, b, c, d] = number.to_be_bytes();
    match number {
        0..64 => file.push(d),
        64..16384 => file.extend([c | 0x40, d]),
        _ => file.extend([0x80, a, b, c, d]),
    }
}
