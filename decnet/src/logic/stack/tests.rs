//! The mark follows the settings.

use super::*;
use crate::logic::persona;

#[test]
fn a_persona_comes_after_what_all_have() {
    let debian = persona::find("debian-12").expect("there is one");
    let settings = settings(debian);
    assert_eq!(settings.first(), Some(&("ipv4/conf/default/rp_filter", "0".to_owned())));
    assert!(settings.contains(&("ipv4/ip_default_ttl", "64".to_owned())));
    assert_eq!(settings.len(), ALL.len() + 2 + debian.sysctls.len());
}

#[test]
fn stacks_that_are_set_otherwise_have_other_marks() {
    let of = |name| mark(persona::find(name).expect("there is one"));
    assert_eq!(of("debian-12"), of("debian-12"));
    assert_ne!(of("debian-12"), of("windows-server-2022"));
}
