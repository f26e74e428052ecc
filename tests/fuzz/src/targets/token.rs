//! What callers of the api show as their token.

use decnet::logic::token::TokenKey;

use crate::decky::NOW;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key = TokenKey::new(&[7; 32]);
    assert_eq!(key.check(text, NOW).ok(), None, "a token that was not signed");
    let (good, _) = key.sign("ann", "1", NOW);
    assert!(key.check(&good, NOW).is_ok());
    if !text.is_empty() {
        assert!(key.check(&format!("{good}{text}"), NOW).is_err(), "it goes on");
    }
}
