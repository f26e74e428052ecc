//! The updater is killed at system calls of an update, and has them fail, by strace; then it is
//! started again. Whatever happened, the node runs one of two whole releases, and can be updated.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use decnet_tests::releases::Bundle;

use super::alone::{Alone, said};
use super::strace::{self, Call};

/// Makes all cases be tried, not only some.
const EXHAUSTIVE: &str = "DECNET_EXHAUSTIVE";
/// What kills.
const KILL: &str = "signal=KILL";
/// How many cases of each kind are tried in every run.
const SAMPLE: usize = 12;
/// How many double faults are tried when all is: there are more than a day's.
const DOUBLE: usize = 400;
/// What a recovery does, and how often at most.
const RECOVERY: [(&str, usize); 10] = [
    ("fsync", 16),
    ("getdents64", 12),
    ("openat", 120),
    ("pidfd_send_signal", 1),
    ("rename", 10),
    ("renameat2", 10),
    ("symlink", 3),
    ("unlink", 3),
    ("unlinkat", 6),
    ("write", 12),
];

/// What is done to one update.
#[derive(Clone, Debug)]
struct Case {
    /// At which call of the update.
    call: Call,
    /// What.
    fault: String,
    /// At which call of the recovery the updater is killed again.
    again: Option<Call>,
}

pub(super) fn is_exhaustive() -> bool {
    std::env::var_os(EXHAUSTIVE).is_some()
}

/// So many of them, spread over all.
fn spread(all: &[Case], count: usize) -> Vec<Case> {
    let count = count.min(all.len());
    (0..count).filter_map(|at| all.get((2 * at + 1) * all.len() / (2 * count))).cloned().collect()
}

/// All of them, or so many that are spread over all and one of each call.
fn sample(all: &[Case]) -> Vec<Case> {
    if is_exhaustive() {
        return all.to_vec();
    }
    let mut by_name: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in all {
        by_name.entry(&case.call.name).or_default().push(case);
    }
    let of_each = by_name.values().filter_map(|cases| cases.get(cases.len() / 2)).copied().cloned();
    spread(all, SAMPLE).into_iter().chain(of_each).collect()
}

/// The system calls of an update, in the order in which the updater's thread makes them.
pub(super) fn calls() -> Vec<Call> {
    let mut node = Alone::of_scripts();
    let bundle = node.next();
    assert_eq!(node.push(&bundle).1, 200, "{}", node.log());
    let log = node.path("calls");
    let bundle = node.next();
    let (_, status) = inject(&mut node, &format!("-o {}", log.display()), &bundle);
    assert_eq!(status, 200, "{}", node.log());
    let calls = strace::read(&fs::read_to_string(log).expect("strace has written it"));
    assert!(calls.len() > 300, "an update is more than this: {calls:?}");
    calls
}

/// Pushes a bundle while strace does something to the thread of the updates: how that was answered.
fn inject(node: &mut Alone, strace: &str, bundle: &Bundle) -> (String, u16) {
    let (thread, pid) = node.threads();
    let push = node.push_line(bundle);
    let line = format!(
        "strace -qq {strace} -p {thread} & tracer=$!\n\
         until grep -q '^TracerPid:.[1-9]' /proc/{pid}/task/{thread}/status\n\
         do kill -0 $tracer || exit 9; sleep .01; done\n\
         {push}; kill $tracer; wait $tracer",
    );
    said(&node.shell.run(&format!("( {line} ) 2>/dev/null")).1)
}

/// Tries a case, and checks what must hold after it. Whether the update came as far as that call:
/// how often an agent is looked at is never quite the same.
fn try_one(node: &mut Alone, case: &Case) -> Result<bool, String> {
    node.clear_log();
    let new = node.next();
    let old = Bundle { digest: node.current(), path: new.path.clone() };
    let log = node.path("strace");
    let strace = format!("-o {} {}", log.display(), case.call.inject(&case.fault));
    let (answer, status) = inject(node, &strace, &new);
    let mut is_hit = if case.fault == KILL {
        !node.is_up()
    } else {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("(INJECTED)"))
    };
    let seen = node.current();
    let expected = if status == 200 { &new.digest } else { &old.digest };
    // Without an answer, or with none by which anybody knows, it may be either.
    let is_known = ![0, 503].contains(&status);
    if is_known && seen != *expected {
        return Err(format!("it is answered with {status} {answer}, and {seen} is current"));
    }
    node.kill();
    if let Some(again) = &case.again {
        node.start(&format!("strace -D -f -qq -o /dev/null {}", again.inject(KILL)));
        is_hit &= !node.answers();
        node.kill();
    }
    node.start("");
    node.up();
    let said = |why| format!("{why} (it was answered with {status} {answer})");
    let current = node.is_sound(&[&old, &new]).map_err(said)?;
    // What it could not install is no worse for that.
    let next = if current == new.digest { node.next() } else { new };
    let (told, again) = node.push(&next);
    if again != 200 {
        return Err(said(format!("the next update is answered with {again} {told}")));
    }
    node.is_sound(&[&next]).and_then(|_| node.is_tidy()).map_err(said)?;
    Ok(is_hit)
}

/// Tries these cases, on several nodes.
fn try_all(what: &str, cases: &[Case], all: usize) {
    let begun = Instant::now();
    let (next, hits) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let (mut node, mut wrong) = (Alone::of_scripts(), Vec::new());
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            match try_one(&mut node, case) {
                Ok(is_hit) => {
                    hits.fetch_add(usize::from(is_hit), Ordering::Relaxed);
                }
                Err(why) => {
                    wrong.push(format!("{case:?}: {why}\n{}", node.log()));
                    node = Alone::of_scripts();
                }
            }
        }
        wrong
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let count = if is_exhaustive() { 4 } else { 2 };
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        let found = workers.into_iter().map(|worker| worker.join().expect("it has not panicked"));
        found.flatten().collect()
    });
    let (count, hits) = (cases.len(), hits.into_inner());
    let took = begun.elapsed().as_secs_f32();
    eprintln!("{what}: {count} of {all} cases, of which {hits} came about, in {took:.1} s");
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    // A recovery need not come to each call that one may make.
    assert!(hits * 3 > count, "strace has done nothing in {} of {count} cases", count - hits);
}

#[test]
fn an_updater_killed_at_any_call_leaves_one_of_two_releases() {
    let kill = |call| Case { call, fault: KILL.into(), again: None };
    let all: Vec<Case> = calls().into_iter().map(kill).collect();
    let changing: Vec<Case> = all.iter().filter(|case| case.call.is_changing()).cloned().collect();
    let chosen = if is_exhaustive() { all.clone() } else { sample(&changing) };
    try_all("killed", &chosen, all.len());
}

#[test]
fn a_call_that_fails_leaves_one_of_two_releases() {
    let fail = |call: Call| {
        let case = |error: &&str| Case {
            call: call.clone(),
            fault: format!("error={error}"),
            again: None,
        };
        call.errors().iter().map(case).collect::<Vec<_>>()
    };
    let all: Vec<Case> = calls().into_iter().flat_map(fail).collect();
    try_all("failed", &sample(&all), all.len());
}

#[test]
fn an_updater_killed_again_while_it_recovers_leaves_one_of_two_releases() {
    let calls_of = |(name, count): (&'static str, usize)| {
        (1..=count).map(move |number| Call { name: name.into(), number })
    };
    let recovery: Vec<Call> = RECOVERY.into_iter().flat_map(calls_of).collect();
    let changing = calls().into_iter().filter(Call::is_changing);
    let with_all = |call: Call| {
        let again = |again: &Call| Case {
            call: call.clone(),
            fault: KILL.into(),
            again: Some(again.clone()),
        };
        recovery.iter().map(again).collect::<Vec<_>>()
    };
    let all: Vec<Case> = changing.flat_map(with_all).collect();
    let count = if is_exhaustive() { DOUBLE } else { SAMPLE };
    try_all("killed twice", &spread(&all, count), all.len());
}

/// What nobody thought of must not leave an updater that answers and can do nothing.
#[test]
fn an_updater_whose_thread_ends_is_over() {
    let mut node = Alone::of_scripts();
    let first = node.next();
    assert_eq!(node.push(&first).1, 200, "{}", node.log());
    // What unlocks a file that it has looked at takes it for granted that this works.
    let call = Call { name: "flock".into(), number: 2 };
    let next = node.next();
    let (answer, status) =
        inject(&mut node, &format!("-o /dev/null {}", call.inject("error=EIO")), &next);
    assert_eq!(status, 503, "{answer}\n{}", node.log());
    node.wait();
    assert!(node.log().contains("the thread of the updates has ended"), "{}", node.log());
    node.start("");
    node.up();
    assert_eq!(node.is_sound(&[&next]), Ok(next.digest.clone()));
}
