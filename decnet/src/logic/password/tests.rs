use std::collections::HashSet;

use super::{MAX_BYTES, NOBODY, Refused, check, hash, matches, readable};

#[test]
fn a_password_matches_its_hash_and_no_other() {
    let made = hash("correct horse", [7; 16]);
    assert!(made.starts_with("$argon2id$v=19$m=12288,t=3,p=1$BwcHBwcHBwcHBwcHBwcHBw$"), "{made}");
    assert!(matches("correct horse", &made));
    assert!(!matches("correct horsf", &made));
    assert!(!matches("", &made));
    assert_ne!(made, hash("correct horse", [8; 16]));
}

#[test]
fn nobodys_hash_is_made_as_all_others_are() {
    assert_eq!(NOBODY, hash("", [0; 16]));
}

#[test]
fn what_is_no_hash_matches_nothing() {
    for hash in ["", "plain", "$argon2id$", "$5$x$y", "$argon2id$v=19$m=1,t=0,p=0$AAAA$AAAA"] {
        assert!(!matches("", hash) && !matches("plain", hash), "{hash}");
    }
}

#[test]
fn a_chosen_password_must_be_worth_it() {
    let long = "x".repeat(MAX_BYTES + 1);
    let table = [
        ("long enough!", Ok(())),
        ("pässwörter", Ok(())),
        ("short", Err(Refused::Short)),
        ("ääääääääa", Err(Refused::Short)),
        (&long, Err(Refused::Long)),
        ("the-old-one", Err(Refused::Unchanged)),
        ("Administrator", Err(Refused::Name)),
    ];
    for (new, expected) in table {
        assert_eq!(check(new, "the-old-one", "administrator"), expected, "{new}");
    }
}

#[test]
fn a_made_up_password_is_readable_and_uses_every_letter_alike() {
    assert_eq!(readable([0; 16]), "aaaa-aaaa-aaaa-aaaa");
    assert_eq!(readable([255; 16]), "2222-2222-2222-2222");
    let every: HashSet<char> = (0..=255).flat_map(|b| readable([b; 16]).chars().next()).collect();
    assert_eq!(every.len(), 24);
    assert!(check(&readable([3; 16]), "", "admin").is_ok());
}
