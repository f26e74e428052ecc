//! The tables, patterns and numbers behind the answers.

use super::*;

#[test]
fn the_tables_are_sorted() {
    assert!(table::COMMANDS.is_sorted_by(|a, b| a.name < b.name));
    assert!(subtable::SUBCOMMANDS.is_sorted_by(|a, b| a.0 < b.0));
    assert!(parameters::PARAMETERS.is_sorted_by(|a, b| a.0 < b.0));
}

#[test]
fn every_command_with_subcommands_is_known_as_one() {
    for (name, ..) in subtable::SUBCOMMANDS {
        assert!(run::is_container(name.split('|').next().unwrap()), "{name}");
    }
}

#[test]
fn a_pattern_matches_as_the_server_matches() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("h?llo", "hello", true),
        ("h?llo", "hllo", false),
        ("h*llo", "hllo", true),
        ("h[ae]llo", "hillo", false),
        ("h[^e]llo", "hallo", true),
        ("h[a-c]llo", "hbllo", true),
        ("h[c-a]llo", "hbllo", true),
        ("h\\*llo", "h*llo", true),
        ("h\\*llo", "hello", false),
        ("a**b*c", "axxbyyc", true),
        ("*a", "ba", true),
        ("*ab", "aab", true),
        ("[", "a", false),
    ] {
        assert_eq!(glob::matches(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
    }
    let evil = "*a".repeat(200);
    assert!(!glob::matches(evil.as_bytes(), "b".repeat(60_000).as_bytes()));
}

#[test]
fn a_number_is_written_as_c_writes_it() {
    for (number, text) in [
        (0.0, "0"),
        (7.0, "7"),
        (3.5, "3.5"),
        (-1.25, "-1.25"),
        (0.1, "0.10000000000000001"),
        (1e20, "1e+20"),
        (1e-7, "9.9999999999999995e-08"),
        (123_456_789_012.5, "123456789012.5"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        assert_eq!(out::double(number), text);
    }
}
