use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::{BadToken, Claims, LIFETIME, TokenKey};
use crate::logic::time::Timestamp;

const NOW: Timestamp = Timestamp(1_795_420_800_000_000_000);

fn key() -> TokenKey {
    TokenKey::new(&[7; 32])
}

#[test]
fn a_token_says_who_it_was_made_for_until_it_expires() {
    let (token, expires) = key().sign("eve", "id-1", NOW);
    assert_eq!(expires, NOW.plus(LIFETIME));
    let seconds = NOW.0 / 1_000_000_000;
    let exp = seconds + LIFETIME.as_secs();
    let claims = Claims { sub: "eve".into(), jti: "id-1".into(), iat: seconds, exp };
    assert_eq!(key().check(&token, NOW), Ok(claims.clone()));
    assert_eq!(key().check(&token, Timestamp(expires.0 - 1)), Ok(claims));
    assert_eq!(key().check(&token, expires), Err(BadToken));
}

#[test]
fn a_token_is_as_rfc_7515_has_it() {
    let (token, _) = key().sign("eve", "id-1", NOW);
    let parts: Vec<Vec<u8>> =
        token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    assert_eq!(parts[0], br#"{"typ":"JWT","alg":"HS256"}"#);
    assert_eq!(parts[1], br#"{"sub":"eve","jti":"id-1","iat":1795420800,"exp":1795464000}"#);
    assert_eq!(parts[2].len(), 32);
}

#[test]
fn a_token_that_was_not_signed_with_this_key_is_none() {
    let (token, _) = TokenKey::new(&[8; 32]).sign("eve", "id-1", NOW);
    assert_eq!(key().check(&token, NOW), Err(BadToken));
    let (token, _) = key().sign("eve", "id-1", NOW);
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let claims = rest.split_once('.').unwrap().1;
    let header = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let none = header(r#"{"typ":"JWT","alg":"none"}"#);
    let other = header(r#"{"typ":"JWT","alg":"HS384"}"#);
    let forged = [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{other}.{claims}.{signature}"),
        format!("{rest}."),
        format!("{rest}.{}", &signature[1..]),
        format!("{rest}.{signature}.{signature}"),
        rest.to_owned(),
        token.replacen('e', "f", 1),
    ];
    for forged in forged {
        assert_eq!(key().check(&forged, NOW), Err(BadToken), "{forged}");
    }
}

#[test]
fn a_text_that_is_too_long_is_not_looked_at() {
    assert_eq!(key().check(&"A.".repeat(1_000_000), NOW), Err(BadToken));
}

proptest! {
    #[test]
    fn no_text_is_a_token(text in "[A-Za-z0-9_.-]{0,200}|.{0,200}") {
        prop_assert_eq!(key().check(&text, NOW), Err(BadToken));
    }
}
