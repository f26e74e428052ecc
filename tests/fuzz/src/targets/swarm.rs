//! Certificates that somebody shows, and nodes that somebody wants to enrol.

use decnet::edge::pki;
use decnet::logic::swarm::Enroll;

pub(crate) fn run(data: &[u8]) {
    if let Some(caller) = pki::caller(data) {
        // Whatever the name says, it is text of a bounded length.
        assert!(caller.name.len() <= data.len());
    }
    let Ok(wish) = serde_json::from_slice::<Enroll>(data) else { return };
    match wish.check() {
        Ok(checked) => {
            assert_eq!(checked.name.as_str(), wish.name);
            assert_eq!(checked.addresses.len() + checked.names.len(), 1 + wish.sans.len());
        }
        Err(error) => assert!(error.to_string().len() < 400, "{error}"),
    }
}
