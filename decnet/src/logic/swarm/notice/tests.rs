//! Newer masters take the place of older ones, and what is revoked stays so.

use super::*;
use crate::logic::credential::Validity;

fn master(n: u8, since: u64) -> Caller {
    let fingerprint = Fingerprint([n; 32]);
    let validity = Validity { from: Timestamp(since), until: Timestamp(u64::MAX) };
    Caller { role: CertRole::Master, name: "master".into(), fingerprint, validity }
}

fn notice(number: u64, revoked: &[u8]) -> Notice {
    let revoked = revoked.iter().map(|n| Fingerprint([*n; 32])).collect();
    Notice { number: Count::capped(number), revoked, ..Notice::default() }
}

#[test]
fn an_older_master_is_none_once_a_newer_one_was_seen() {
    let mut trust = Trust::default();
    assert!(trust.is_master(&master(1, 10)), "before any was seen each may be");
    assert!(trust.saw(&master(1, 10)));
    assert!(!trust.saw(&master(1, 10)));
    assert!(trust.saw(&master(2, 20)));
    assert!(!trust.is_master(&master(1, 10)) && !trust.saw(&master(1, 10)));
    assert!(trust.is_master(&master(2, 20)) && trust.is_master(&master(3, 20)));
    let other = Caller { role: CertRole::Agent, ..master(4, 30) };
    assert!(!trust.is_master(&other) && !trust.saw(&other));
}

#[test]
fn what_is_revoked_is_no_master_and_no_measure() {
    let mut trust = Trust::default();
    trust.saw(&master(9, u64::MAX));
    assert!(!trust.is_master(&master(1, 10)));
    assert!(trust.hear(notice(5, &[9])));
    assert!(!trust.is_master(&master(9, u64::MAX)));
    assert!(trust.is_master(&master(1, 10)));
    // An earlier one is no news, and takes nothing back.
    assert!(!trust.hear(notice(4, &[])) && !trust.hear(notice(5, &[])));
    assert!(!trust.is_master(&master(9, u64::MAX)));
    assert!(trust.hear(notice(6, &[])));
}

#[test]
fn a_notice_is_read_as_it_was_written_and_within_bounds() {
    let places = vec!["https://[fd00::1]:8771".parse().expect("a place")];
    let said = Notice { places, ..notice(7, &[1, 2]) };
    assert_eq!(Notice::parse(&said.text()), Ok(said.clone()));
    let many = Notice { places: vec![said.places[0].clone(); 9], ..said };
    assert!(Notice::parse(&many.text()).is_err());
    assert!(Notice::parse(r#"{"number":9007199254740992,"revoked":[]}"#).is_err());
    assert!(Notice::parse("{}").is_err());
    assert!(!notice(7, &[]).text().contains("authorities"), "releases from before read it");
    let both = Notice { authorities: vec!["a".into(), "b".into()], ..notice(8, &[]) };
    assert_eq!(Notice::parse(&both.text()), Ok(both));
    for authorities in [vec!["a".to_owned(); MAX_AUTHORITIES + 1], vec!["a".repeat(9_000)]] {
        assert!(Notice::parse(&Notice { authorities, ..notice(8, &[]) }.text()).is_err());
    }
}

#[test]
fn few_signatures_are_looked_at() {
    let more = vec![String::new(); 10_000];
    let signed = SignedNotice { text: String::new(), signature: String::new(), more };
    assert_eq!(signed.signatures().count(), 1 + MAX_AUTHORITIES);
}
