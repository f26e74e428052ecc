//! The keys that a visitor finds: sessions, users and tokens of an application that never was.
//!
//! Made of the decky's secret, so that they are the same at every visit, and another decky's are
//! others. None of it opens anything.

use super::value::{Hash, List, Set, Value};
use crate::logic::decky::Identity;
use crate::logic::time::Timestamp;

const PEOPLE: [(&str, &str); 12] = [
    ("anna", "Anna Keller"),
    ("bjorn", "Bjorn Dahl"),
    ("chris", "Chris Morgan"),
    ("dana", "Dana Whitfield"),
    ("erik", "Erik Lindqvist"),
    ("farah", "Farah Aziz"),
    ("gwen", "Gwen Parry"),
    ("hugo", "Hugo Marchetti"),
    ("ines", "Ines Duarte"),
    ("jonas", "Jonas Weber"),
    ("karim", "Karim Haddad"),
    ("lena", "Lena Novak"),
];
const APPLICATIONS: [&str; 6] = ["portal", "shop", "crm", "intranet", "billing", "helpdesk"];
const DOMAINS: [&str; 5] = ["corp.local", "office.lan", "hq.internal", "ad.local", "int.lan"];

/// Random bytes that stay the same.
struct Dice {
    seed: crate::logic::decky::Secret,
    left: Vec<u8>,
    round: u32,
}

impl Dice {
    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.left.pop() {
                return byte;
            }
            self.left = self.seed.derive(&format!("{}", self.round)).0.to_vec();
            self.round += 1;
        }
    }

    fn below(&mut self, most: usize) -> usize {
        let number = u16::from_le_bytes([self.byte(), self.byte()]);
        usize::from(number) % most.max(1)
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        let at = self.below(list.len());
        list.get(at).copied()
    }

    fn hex(&mut self, digits: usize) -> String {
        let digit = |byte: u8| char::from_digit(u32::from(byte & 15), 16).unwrap_or('0');
        (0..digits).map(|_| digit(self.byte())).collect()
    }

    fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";
        (0..count).filter_map(|_| self.pick(LETTERS)).map(char::from).collect()
    }
}

/// A key, what it holds, and when it goes (milliseconds since 1970).
pub(super) type Bait = (String, Value, Option<u64>);

/// All of it.
pub(super) fn all(decky: &Identity, now: Timestamp) -> Vec<Bait> {
    let mut dice = Dice { seed: decky.secret.derive("redis bait"), left: Vec::new(), round: 0 };
    let application = dice.pick(&APPLICATIONS).unwrap_or("portal");
    let domain = dice.pick(&DOMAINS).unwrap_or("corp.local");
    let mut people = PEOPLE.to_vec();
    let mut bait = Vec::new();
    let mut ids = Set::default();
    for number in 0..4 + dice.below(4) {
        let (login, name) = people.swap_remove(dice.below(people.len()));
        let id = (1001 + number * 3 + dice.below(3)).to_string();
        ids.add(id.as_bytes());
        bait.push((format!("user:{id}"), user(&mut dice, login, name, domain, number), None));
        if dice.below(3) > 0 {
            bait.push(session(&mut dice, application, &id, login, decky, now));
        }
    }
    bait.push((format!("{application}:users"), Value::Set(ids), None));
    bait.push((format!("{application}:config"), config(&mut dice, application, domain), None));
    bait.push((format!("{application}:queue:mail"), queue(&mut dice, domain), None));
    let token = format!("{application}_live_{}", dice.hex(40));
    bait.push(("api:token:deploy".to_owned(), Value::Text(token.into()), None));
    let visits = 12_000 + dice.below(50_000);
    bait.push((format!("{application}:visits"), Value::Text(visits.to_string().into()), None));
    bait
}

fn user(dice: &mut Dice, login: &str, name: &str, domain: &str, number: usize) -> Value {
    let password = format!("$2y$10${}", dice.letters(53));
    let role = if number == 0 { "admin" } else { "user" };
    fields(&[
        ("login", login),
        ("name", name),
        ("email", &format!("{login}@{domain}")),
        ("role", role),
        ("password", &password),
    ])
}

fn session(
    dice: &mut Dice,
    application: &str,
    id: &str,
    login: &str,
    decky: &Identity,
    now: Timestamp,
) -> Bait {
    let [a, b, c, _] = decky.ip.octets();
    let from = format!("{a}.{b}.{c}.{}", 20 + dice.below(200));
    let csrf = dice.hex(32);
    let text = format!(
        "{{\"uid\":{id},\"login\":\"{login}\",\"ip\":\"{from}\",\"csrf\":\"{csrf}\",\"remember\":true}}"
    );
    let ends = now.millis() + 1000 * (7 * 3600 + dice.below(36_000) as u64);
    (format!("{application}:session:{}", dice.hex(26)), Value::Text(text.into()), Some(ends))
}

fn config(dice: &mut Dice, application: &str, domain: &str) -> Value {
    let password = dice.letters(16);
    fields(&[
        ("db_host", &format!("db01.{domain}")),
        ("db_user", application),
        ("db_password", &password),
        ("smtp_host", &format!("mail.{domain}")),
        ("debug", "0"),
    ])
}

fn queue(dice: &mut Dice, domain: &str) -> Value {
    let mut list = List::default();
    for _mail in 0..2 + dice.below(4) {
        let number = 100 + dice.below(900);
        let (login, _) = dice.pick(&PEOPLE).unwrap_or_default();
        let text =
            format!("{{\"to\":\"{login}@{domain}\",\"template\":\"ticket\",\"id\":{number}}}");
        list.push(super::value::End::Right, text.into());
    }
    Value::List(list)
}

fn fields(fields: &[(&str, &str)]) -> Value {
    let mut hash = Hash::default();
    for (name, value) in fields {
        hash.put(name.as_bytes(), value.as_bytes().to_vec());
    }
    Value::Hash(hash)
}
