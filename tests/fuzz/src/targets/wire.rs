//! What processes of a node say to one another; the face's word is a visitor's.

use decnet::logic::kept::Kept;
use decnet::logic::wire::{FromAgent, FromFace, FromKeeper, ToFace, ToKeeper, decode, decode_each, encode};

use crate::views;

pub(crate) fn run(data: &[u8]) {
    let mut said = Vec::new();
    drop(decode_each(data, |message: FromFace| said.push(message)));
    assert!(said.len() <= data.len(), "more was said than sent");
    for message in said {
        if let Ok(bytes) = encode(&message) {
            assert_eq!(decode::<FromFace>(&bytes).as_ref(), Ok(&message));
        }
        if let FromFace::Reported(reported) = message {
            views::check(&views::told(*reported));
        }
    }
    drop(decode::<FromAgent>(data));
    drop(decode::<FromKeeper>(data));
    drop(decode::<ToFace>(data));
    drop(decode::<ToKeeper>(data));
    drop(Kept::decode(data, 2));
}
