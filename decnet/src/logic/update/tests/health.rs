//! What a release shows, second by second, and what follows.

use super::*;

const SOAK: Duration = Duration::from_secs(10);
const BEFORE: Process = Process { pid: 1, nonce: 1 };
const FIRST: Process = Process { pid: 2, nonce: 2 };
const SECOND: Process = Process { pid: 3, nonce: 3 };

fn machine() -> Cause {
    Cause::Machine(Fault { what: "the port is in use".into(), is_full: false })
}

fn new() -> Digest {
    Digest::of(b"new")
}

/// Looks once a second as the letters say, and says when it was decided and how.
///
/// `.` no answer, `x` no process, `o` the process before, `a` and `b` two of the new release,
/// `l` one that says that it is another, `h` one that says that the port is in use.
fn watched(script: &str) -> (usize, Verdict) {
    let mut health = Health::new(new(), Some(BEFORE), Duration::from_secs(100), SOAK);
    let answer = |process, release| Seen::Answer { process, release };
    for (second, letter) in (1..).zip(script.chars()) {
        let seen = match letter {
            'a' => answer(FIRST, new()),
            'b' => answer(SECOND, new()),
            'l' => answer(FIRST, Digest::of(b"other")),
            'o' => answer(BEFORE, Digest::of(b"old")),
            'h' => Seen::Hindered("the port is in use".into()),
            'x' => Seen::Gone,
            _ => Seen::Silent,
        };
        match health.see(Duration::from_secs(100 + second as u64), &seen) {
            Verdict::Wait => {}
            decided => return (second, decided),
        }
    }
    (0, Verdict::Wait)
}

#[test]
fn a_release_proves_itself_by_ten_seconds_of_one_process() {
    let (a, other) = ("a".repeat(40), Digest::of(b"other"));
    let bad = |cause| Verdict::Bad(cause);
    for (script, wanted) in [
        (a.clone(), (11, Verdict::Good)),
        (format!("oo..{a}"), (15, Verdict::Good)),
        // One failure is forgiven: a miss, or a crash after which it begins anew.
        (format!("aaa.{a}"), (11, Verdict::Good)),
        (format!("aaa{}", "b".repeat(40)), (14, Verdict::Good)),
        (format!("xx{a}"), (13, Verdict::Good)),
        // Two are not.
        (format!("a.a.{a}"), (4, bad(Cause::FlipFlop))),
        (format!("aa..{a}"), (4, bad(Cause::FlipFlop))),
        (format!("aba{a}"), (3, bad(Cause::CrashLoop))),
        (format!("xaaaax{a}"), (6, bad(Cause::CrashLoop))),
        (format!("x.x{a}"), (3, bad(Cause::CrashLoop))),
        (format!("ab.{a}"), (3, bad(Cause::FlipFlop))),
        // It dies, hangs, never goes, or lies.
        ("x".repeat(40), (11, bad(Cause::Gone))),
        (".".repeat(40), (25, bad(Cause::Silent))),
        ("o".repeat(40), (25, bad(Cause::Silent))),
        (format!("{}{a}", "o".repeat(24)), (35, Verdict::Good)),
        (format!("ol{a}"), (2, bad(Cause::Other(other)))),
        (format!("aaaal{a}"), (5, bad(Cause::Other(other)))),
        // It is the machine, as long as it says so; a lie is a lie.
        ("h".repeat(40), (25, bad(machine()))),
        (format!("h{}", ".".repeat(40)), (25, bad(machine()))),
        (format!("xhx{a}"), (3, bad(machine()))),
        (format!("h{a}"), (12, Verdict::Good)),
        (format!("ha..{a}"), (4, bad(Cause::FlipFlop))),
        (format!("hl{a}"), (2, bad(Cause::Other(other)))),
    ] {
        assert_eq!(watched(&script), wanted, "{script}");
    }
}
