//! What a visitor can use up is bounded, whatever bytes come.

use super::*;

#[test]
fn what_is_kept_stays_within_bounds() {
    let mut bench = Bench::debian();
    let value = "x".repeat(60_000);
    for number in 0..100 {
        let key = format!("k{number}");
        let seen = bench.play([command(&["SET", &key, &value])], true);
        assert_eq!(seen.text(), "+OK\r\n");
    }
    assert!(bench.state.redis.cost() <= keys::MAX_COST);
    assert_eq!(bench.say("STRLEN k99\n").text(), ":60000\r\n");
    for number in 0..3000 {
        bench.say(&format!("SET small{number} 1\n"));
    }
    let count =
        (0..keys::DATABASES).map(|index| bench.state.redis.database(index).len()).sum::<usize>();
    assert_eq!(count, keys::MAX_KEYS);
    let pushes = vec![command(&["RPUSH", "list", "x"]); 40_000].concat();
    let seen = bench.play(pushes.chunks(16 * 1024), true);
    assert!(bench.state.redis.cost() <= keys::MAX_COST);
    assert_eq!(seen.text().matches(':').count() + seen.text().matches("-OOM").count(), 40_000);
}

#[test]
fn what_does_not_fit_is_refused_and_still_reported() {
    let mut bench = Bench::debian();
    let huge = vec![b'x'; 3_000_000];
    let bytes = command(&[b"SET".as_slice(), b"a", &huge]);
    for size in [1460, 16 * 1024, 5_000_000] {
        let seen = bench.play(bytes.chunks(size), true);
        assert_eq!(seen.text(), "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
        assert_eq!(seen.reports[0].raw.as_ref().unwrap().sha256, Raw::of(&huge).sha256);
        assert_eq!(seen.reports[0].data.number("bytes"), Some(3_000_004));
        assert!(seen.held <= 64 * 1024, "{}", seen.held);
    }
    for line in ["SETRANGE a 100000 x", "SETRANGE a 999999999999 x"] {
        assert!(bench.say(&format!("{line}\n")).text().starts_with('-'), "{line}");
    }
    let words = vec!["w"; 10_000];
    let seen = bench.play([command(&[&["SADD", "s"], words.as_slice()].concat())], true);
    assert!(seen.text().starts_with("-OOM"));
}

#[test]
fn a_small_question_gets_no_endless_answer() {
    let mut bench = Bench::debian();
    bench.play([command(&["SET", "big", &"x".repeat(60_000)])], true);
    let many = [&["MGET"], vec!["big"; 4000].as_slice()].concat();
    let seen = bench.play([command(&many)], true);
    assert!(seen.closed);
    assert!(seen.burst < out::MAX_OUT + 128 * 1024, "{}", seen.burst);
    let gets = "GET big\r\n".repeat(1500);
    let seen = bench.play([gets], true);
    assert!(seen.burst < FULL + 128 * 1024, "{}", seen.burst);
    assert_eq!(seen.text().matches("$60000").count(), 1500);
}

#[test]
fn a_transaction_holds_no_more_than_its_share() {
    let mut bench = Bench::debian();
    let set = command(&["SET", "a", &"x".repeat(60_000)]);
    let bytes = [command(&["MULTI"]), vec![set; 20].concat(), command(&["EXEC"])].concat();
    let seen = bench.play([bytes], true);
    assert_eq!(seen.text().matches("+QUEUED").count(), 4);
    assert!(
        seen.text().ends_with("-EXECABORT Transaction discarded because of previous errors.\r\n")
    );
}
