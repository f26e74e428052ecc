//! Short texts that name something: what is read is written as it was meant.

use std::fmt::Display;
use std::str::FromStr;

use decnet::edge::http::Upstream;
use decnet::edge::store::Cursor;
use decnet::logic::event::{Kind, SessionId};
use decnet::logic::mac::Mac;
use decnet::logic::name::DeckyName;
use decnet::logic::services::ServiceKind;
use decnet::logic::time::Timestamp;
use decnet::logic::trust::{Fingerprint, NodeName};
use decnet::logic::{password, persona};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let name = round::<DeckyName>(text);
    round::<Mac>(text);
    round::<NodeName>(text);
    round::<Fingerprint>(text);
    round::<Timestamp>(text);
    round::<Kind>(text);
    round::<SessionId>(text);
    round::<ServiceKind>(text);
    round::<Cursor>(text);
    drop(text.parse::<Upstream>());
    drop(Timestamp(7).format(text));
    let _checked = password::check(text, "", "admin");
    if let Some(found) = persona::find(text) {
        assert_eq!(found.id, text);
    }
    if let Some(name) = name {
        for persona in persona::ALL {
            let hostname = persona::hostname(persona, &name, persona.mac([1, 2, 3, 4]));
            assert!((1..=63).contains(&hostname.len()), "{hostname:?}");
        }
    }
}

fn round<T: FromStr + Display + PartialEq + std::fmt::Debug>(text: &str) -> Option<T> {
    let read: T = text.parse().ok()?;
    assert_eq!(read.to_string().parse::<T>().ok().as_ref(), Some(&read));
    Some(read)
}
