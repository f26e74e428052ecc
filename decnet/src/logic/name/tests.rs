//! Names of deckies.

use proptest::prelude::*;

use super::*;

#[test]
fn a_name_is_of_lower_case_letters_digits_and_dashes() {
    let longest = "a".repeat(MAX_NAME);
    for text in ["a", "7", "files-01", "a--b", longest.as_str()] {
        assert_eq!(text.parse::<DeckyName>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_name_is_refused_with_what_it_takes() {
    let long = "a".repeat(MAX_NAME + 1);
    for text in ["", "-", "-a", "a-", "A", "a_b", "a b", "a.b", "ü", "a\n", "../a", long.as_str()]
    {
        let error = text.parse::<DeckyName>().unwrap_err().to_string();
        assert!(
            error.ends_with("1 to 63 of a-z, 0-9 and `-`, and no `-` at either end"),
            "{error}"
        );
        assert!(serde_json::from_value::<DeckyName>(text.into()).is_err(), "{text}");
    }
    let error = "x".repeat(10_000).parse::<DeckyName>().unwrap_err().to_string();
    assert!(error.len() < 200, "{error}");
}

proptest! {
    #[test]
    fn every_name_comes_back(text in "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?") {
        let name: DeckyName = text.parse().unwrap();
        prop_assert_eq!(name.as_str(), &text);
        let wire = postcard::to_allocvec(&name).unwrap();
        prop_assert_eq!(postcard::from_bytes::<DeckyName>(&wire).unwrap(), name);
    }
}
