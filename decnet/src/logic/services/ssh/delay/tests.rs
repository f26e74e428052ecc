use super::*;
use crate::logic::persona;

const SECRET: Secret = Secret([7; 32]);

fn took(kind: Attempt, persona: &str, user: &[u8], byte: u8) -> u128 {
    let profile = crate::logic::services::ssh::profile::of(persona::find(persona).unwrap());
    let fill = &mut |buffer: &mut [u8]| buffer.fill(byte);
    attempt(kind, profile, user, &SECRET, &mut Random::new(fill)).as_micros()
}

#[test]
fn a_wrong_password_takes_as_long_as_pam_takes() {
    for byte in [0, 1, 127, 128, 255] {
        let time = took(Attempt::WrongPassword, "debian-12", b"root", byte);
        // The least of PAM, and at most twice its most.
        assert!((1_000_000..6_000_000).contains(&time), "{byte}: {time}");
    }
}

#[test]
fn a_refusal_takes_some_milliseconds_of_the_users_own() {
    let (root, admin) = (
        took(Attempt::Refused, "debian-12", b"root", 1),
        took(Attempt::Refused, "debian-12", b"admin", 1),
    );
    assert!((5_000..9_200).contains(&root), "{root}");
    assert_ne!(root, admin);
    assert_eq!(root, took(Attempt::Refused, "debian-12", b"root", 200));
}

#[test]
fn a_wrong_password_takes_a_power_of_two_times_the_users_own_time() {
    let own = padded(Duration::ZERO, b"root", &SECRET).as_nanos();
    let wrong = padded(Duration::from_millis(2000), b"root", &SECRET).as_nanos();
    assert_eq!(wrong % own, 0);
    assert!((wrong / own).is_power_of_two());
}
