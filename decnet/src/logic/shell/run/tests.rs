use proptest::prelude::*;

use super::super::tests::{Bench, check};
use super::*;

#[test]
fn words_are_expanded_as_the_shell_has_it() {
    check(&[
        ("x=5; echo $x \"$x\" '$x' ${x}y", "5 5 $x 5y\n"),
        ("echo {a,b}{1,2} {3..1}", "a1 a2 b1 b2 3 2 1\n"),
        ("x='1 2  3'; echo $x; echo \"$x\"", "1 2 3\n1 2  3\n"),
        ("x=a.b.c; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.} ${#x}", "a.b a b.c c 5\n"),
        ("x=hello; echo ${x:1:3} ${x/l/L} ${x//l/L} ${y:-d} ${x:+alt}", "ell heLlo heLLo d alt\n"),
        ("a=(x y z); echo ${a[1]} ${#a[@]} \"${a[@]}\"", "y 3 x y z\n"),
        ("echo $(echo a; echo b) `echo c`", "a b c\n"),
        ("cd /etc; echo host* 'host*' nothing*", "host.conf hostname hosts host* nothing*\n"),
        ("set -- a 'b c'; for i in \"$@\"; do echo \"<$i>\"; done", "<a>\n<b c>\n"),
        ("echo ~ ~deploy ~nobody1", "/root /home/deploy ~nobody1\n"),
        ("IFS=:; x=a:b; echo $x", "a b\n"),
        ("echo $'a\\tb\\x41'", "a\tbA\n"),
    ]);
}

#[test]
fn sums_are_those_of_c() {
    check(&[
        ("echo $((1+2*3)) $((2**3**2)) $((-7/2)) $((-7%3)) $((0x10|010))", "7 512 -3 -1 24\n"),
        ("i=5; echo $((i++)) $i $((i+=2)) $((i>3?1:2)) $((!i)) $((~0))", "5 6 8 1 0 -1\n"),
        ("echo $((9223372036854775807+1))", "-9223372036854775808\n"),
        ("echo $((1/0)); echo on", "bash: line 1: 1/0: syntax error: operand expected\n0\non\n"),
        ("for ((i=0;i<3;i++)); do echo -n $i; done", "012"),
    ]);
}

#[test]
fn control_goes_where_it_should() {
    check(&[
        ("false && echo a || echo b; true && echo c", "b\nc\n"),
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n"),
        ("while true; do while true; do break 2; done; done; echo out", "out\n"),
        ("case foo in b*|f*) echo y;; *) echo n;; esac", "y\n"),
        ("f() { local x=1; return 3; }; x=0; f; echo $? $x", "3 0\n"),
        ("(exit 3); echo $?; ! true; echo $?", "3\n1\n"),
        ("set -e; false; echo never", ""),
        ("X=2 sh -c 'echo $X'; echo \"[$X]\"", "2\n[]\n"),
        ("echo a; exit; echo b", "a\n"),
        ("printf 'a\\nb\\n' | while read x; do echo \"<$x>\"; done", "<a>\n<b>\n"),
    ]);
}

#[test]
fn redirections_go_to_files_and_streams() {
    check(&[
        ("echo a > /tmp/x; echo b >> /tmp/x; cat < /tmp/x", "a\nb\n"),
        ("ls /none 2>/dev/null; echo $?", "2\n"),
        ("(echo a; echo b >&2) 2>&1 | tr a-z A-Z", "A\nB\n"),
        ("nothing &> /tmp/x; cat /tmp/x", "bash: line 1: nothing: command not found\n"),
        ("cat <<E\nx $((1+1))\nE\ncat <<'E'\n$x\nE", "x 2\n$x\n"),
        ("cat <<< 'a b'", "a b\n"),
        (
            "echo a > /nowhere/x; echo $?",
            "bash: line 1: /nowhere/x: No such file or directory\n1\n",
        ),
        (
            "head -c 70000 /dev/zero > /tmp/x; wc -c /tmp/x; sha256sum < /tmp/x | cut -c 1-8",
            "70000 /tmp/x\nf51b2799\n",
        ),
    ]);
}

#[test]
fn patterns_match_as_in_file_names() {
    for (pattern, text, covered) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abbd", false),
        ("[a-c]?", "bz", true),
        ("[!a-c]?", "bz", false),
        ("[[:digit:]]", "5", true),
        ("\\*", "*", true),
        ("\\*", "x", false),
        ("[", "[", true),
        ("*a*b*", "xxaxxbxx", true),
    ] {
        assert_eq!(matches(pattern, text), covered, "{pattern} {text}");
    }
    // A pattern that would take for ever, if each `*` tried everything.
    let (pattern, text) = ("a*".repeat(200) + "b", "a".repeat(500));
    assert!(!matches(&pattern, &text));
}

#[test]
fn a_line_without_end_is_ended() {
    for line in [
        "while true; do :; done",
        "while true; do echo x; done",
        "f() { f | f & }; f",
        "f() { f; }; f",
        ":(){ :|:& };:",
        "for i in {1..100}{1..100}{1..100}; do echo $i; done",
        "x=a; while true; do x=$x$x; done",
        "yes | cat | cat",
        "cat /dev/zero | cat",
        "seq 1 1000000 | sort | uniq | wc -l",
        "find / -exec echo {} \\;",
        "grep -rE '(a|b|c)*x' /etc /var",
        "x=$(cat /usr/bin/python3.11); echo ${x//a/b}",
        "while true; do cat /usr/bin/python3.11; done > /dev/null",
        "ls -laR /",
        "sleep 100000; sleep 100000",
        "eval eval eval eval 'while true; do eval true; done'",
        "echo 'sh $0' > /tmp/x; sh /tmp/x",
    ] {
        let mut bench = Bench::new("debian-12");
        let (text, _) = bench.run(line);
        assert!(text.len() <= MAX_OUTPUT, "{line}");
    }
}

#[test]
fn commands_in_commands_in_commands_end_before_the_stack_does() {
    for word in ["sudo ", "nohup ", "busybox ", "env ", "eval ", "command ", "timeout 1 ", "exec "]
    {
        let line = format!("{}echo end", word.repeat(3_000));
        let (text, _) = Bench::new("debian-12").run(&line);
        assert!(!text.contains("\nend"), "{word}");
    }
    let nested = format!("{}echo end{}", "$(".repeat(23), ")".repeat(23));
    assert!(Bench::new("debian-12").run(&nested).0.contains("not found"));
}

/// What visitors give to a shell.
const WORDS: &str = "ls cat echo cd rm -rf / * /etc/passwd x $x ${x#a} $( ) ` ' \" ; && || | & > >> < \
    /tmp/f if then fi while true do done for i in 1 2 sed s/a/b/ awk {print$1} grep -E (a printf \
    %s%d%*d \\x41 base64 -d find -name xargs -I{} {} dd if=/dev/zero bs=9999999999 count=9 tr a-z \
    [:upper:] cut -f 1- head -c -n 99999999999999999999 sh -c eval test [ ] ! ( = read wget \
    http://a/b crontab - mv cp -r ln -s chmod +x sort $(( )) 1/0 seq tar ps od xxd tail +3 <<E E \
    {1..9} case esac f() { } ;; busybox sudo timeout set -- shift $@ \"$@\" ${a[1]} ((i++)) ~";

/// Lines made of them.
fn line() -> impl Strategy<Value = String> {
    let mut words: Vec<&str> = WORDS.split_whitespace().collect();
    words.push("\n");
    let word = prop::sample::select(words);
    let piece = prop_oneof![9 => word.prop_map(str::to_owned), 1 => "\\PC{0,4}"];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #[test]
    fn any_line_ends_in_bounds(lines in prop::collection::vec(line(), 1..4)) {
        let mut bench = Bench::new("debian-12");
        for line in lines {
            let (text, _) = bench.run(&line);
            prop_assert!(text.len() <= MAX_OUTPUT * 3);
            prop_assert!(bench.state.files.bytes() <= crate::logic::files::MAX_BYTES);
        }
    }

    #[test]
    fn any_sum_is_one_or_none(text in "[0-9a-z+*/%<>=!&|^~()?:, $-]{0,40}") {
        let _value = arithmetic::value(&text, &mut |_, set| set.unwrap_or(3));
    }

    #[test]
    fn a_pattern_made_of_a_text_matches_it(text in "\\PC{0,30}") {
        prop_assert!(matches(&pattern::literal(&text), &text));
    }
}
