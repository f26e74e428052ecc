use proptest::prelude::*;

use super::*;

fn text(text: &str, quote: Quote) -> Part {
    Part::Text(text.to_owned(), quote)
}

fn words(line: &str) -> Vec<Word> {
    match parse(line).unwrap().0.as_slice() {
        [Item { stages, .. }] => match stages.as_slice() {
            [Stage { body: Body::Simple { words, .. }, .. }] => words.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn quotes_divide_words_into_parts() {
    assert_eq!(
        words(r#"a'b c'"d $e"\ f"#),
        [Word(vec![
            text("a", Quote::Bare),
            text("b c", Quote::Quoted),
            text("", Quote::Quoted),
            text("d ", Quote::Quoted),
            Part::Parameter(
                Box::new(Parameter { name: "e".to_owned(), action: Action::Plain }),
                Quote::Quoted,
            ),
            text(" ", Quote::Quoted),
            text("f", Quote::Bare),
        ])]
    );
}

#[test]
fn what_is_missing_is_told_from_what_is_wrong() {
    for (line, fault) in [
        ("echo 'a", Fault::Quote('\'')),
        ("echo \"a", Fault::Quote('"')),
        ("echo `a", Fault::Quote('`')),
        ("echo $(a", Fault::Incomplete),
        ("echo a \\", Fault::Incomplete),
        ("if true; then", Fault::Incomplete),
        ("for i in 1 2; do", Fault::Incomplete),
        ("while true", Fault::Incomplete),
        ("a &&", Fault::Incomplete),
        ("a |", Fault::Incomplete),
        ("{ a", Fault::Incomplete),
        ("cat <<E\nx", Fault::Document("E".to_owned())),
        ("echo )", Fault::Unexpected(")".to_owned())),
        ("; a", Fault::Unexpected(";".to_owned())),
        ("a;;b", Fault::Unexpected(";;".to_owned())),
        ("| a", Fault::Unexpected("|".to_owned())),
        ("fi", Fault::Unexpected("fi".to_owned())),
        ("echo >", Fault::Unexpected("newline".to_owned())),
        ("echo > ;", Fault::Unexpected(";".to_owned())),
    ] {
        assert_eq!(parse(line), Err(fault), "{line}");
    }
}

#[test]
fn depth_and_documents_are_bounded() {
    let deep = "$(".repeat(10_000);
    assert!(matches!(parse(&deep), Err(Fault::Unexpected(_))));
    let brackets = format!("{}true{}", "( ".repeat(10_000), ")".repeat(10_000));
    assert!(parse(&brackets).is_err());
    let sums = format!("echo {}1{}", "$((".repeat(500), "))".repeat(500));
    assert!(parse(&sums).is_err());
    let documents = "<<a ".repeat(10_000) + "\na\n";
    assert!(parse(&documents).is_err());
}

/// Texts made of what means something to the shell.
fn source() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        "[a-z]{1,3}",
        Just(" ".to_owned()),
        Just("\n".to_owned()),
        "[;&|(){}<>$`'\"\\\\!#*?=~-]",
        prop::sample::select(vec![
            "if ", "then ", "fi", "for ", "in ", "do ", "done", "while ", "case ", "esac", ";;",
            "$(", "$((", "))", "${", "<<E\n", "\nE\n", "2>&1", "&>", "f() {", "}",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in source()) {
        let _outcome = parse(&text);
    }
}
