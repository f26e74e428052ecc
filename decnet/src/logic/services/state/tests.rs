use super::*;
use crate::logic::decky::{Identity, Secret};
use crate::logic::files::Owner;
use crate::logic::persona;
use crate::logic::time::Timestamp;

fn decky() -> Identity {
    let persona = persona::find("debian-12").unwrap();
    Identity {
        name: "files-01".parse().unwrap(),
        hostname: "files-01".to_owned(),
        persona,
        mac: persona.mac([1, 2, 3, 4]),
        ip: [10, 0, 0, 1].into(),
        ip6: None,
        secret: Secret([7; 32]),
        booted: Timestamp(1),
    }
}

#[test]
fn what_may_not_grow_keeps_what_it_has_and_may_be_changed() {
    let decky = decky();
    let mut state = State::default();
    let write = |state: &mut State, path: &str, bytes: usize| {
        let mut files = state.files.by(&decky, Owner::ROOT, Timestamp(2));
        files.write(path, &vec![b'x'; bytes]).is_ok()
    };
    assert!(write(&mut state, "/tmp/one", 10_000));
    let before = state.weight();
    state.set_growth(Growth::Stopped);
    assert!(!write(&mut state, "/tmp/two", 10_000));
    assert!(write(&mut state, "/tmp/one", 9_000), "it is smaller than before");
    assert!(state.weight() <= before);
    state.set_growth(Growth::Allowed);
    assert!(write(&mut state, "/tmp/two", 10_000));
}
