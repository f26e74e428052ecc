//! A disk on which there is nothing left, from any moment of an update on: what runs goes on or goes
//! back by itself, whoever asked is answered, and the next update works when there is space again.

use std::collections::BTreeMap;
use std::time::Instant;

use decnet_tests::releases::Bundle;

use super::alone::{Alone, said};
use super::killed::{calls, is_exhaustive};
use super::strace::Call;

/// How many moments of each kind of attempt are tried in every run.
const SAMPLE: usize = 2;
/// How many when all is.
const ALL: usize = 20;

/// What there is nothing left of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacking {
    Bytes,
    Files,
}

/// What is attempted meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// An update to a release that is well.
    Good,
    /// One to a release that is not.
    Bad,
    Rollback,
}

/// Uses up what the disk has.
pub(super) fn fill(node: &Alone, lacking: Lacking) -> String {
    let dir = node.path("disk/filler");
    let dir = dir.display();
    let all = match lacking {
        Lacking::Bytes => "cat /dev/zero >zeros; for i in $(seq 4096); do echo >>zeros; done",
        Lacking::Files => "i=0; while : >$i; do i=$((i+1)); done",
    };
    format!("mkdir -p {dir} && ( cd {dir} && {{ {all}; }} ) 2>/dev/null")
}

pub(super) fn free(node: &mut Alone) {
    let dir = node.path("disk/filler");
    node.shell.ok(&format!("rm -rf {}", dir.display()));
}

/// Makes an attempt, and fills the disk at one of its calls: what was answered, and whether it came
/// as far as that call.
fn filled_at(node: &mut Alone, call: &Call, lacking: Lacking, line: &str) -> (String, u16, bool) {
    let (thread, pid) = node.threads();
    let (fill, answer) = (fill(node, lacking), node.path("answer"));
    let (stop, answer) = (call.inject("signal=STOP"), answer.display());
    let line = format!(
        "strace -qq -o /dev/null {stop} -p {thread} & tracer=$!
         until grep -q '^TracerPid:.[1-9]' /proc/{pid}/task/{thread}/status
         do kill -0 $tracer || exit 9; sleep .01; done
         ( {line} ) >{answer} & asked=$!; hit=0
         while kill -0 $asked; do
           case $(ps -o state= -p {pid}) in T*|t*) hit=1; break;; esac; sleep .01
         done
         {fill}
         kill $tracer; wait $tracer; kill -CONT {pid}; wait $asked; cat {answer}; echo; echo $hit"
    );
    let (_, text) = node.shell.run(&format!("( {line} ) 2>/dev/null"));
    let (text, hit) = text.trim_end().rsplit_once('\n').unwrap_or(("", "0"));
    let (answer, status) = said(text);
    (answer, status, hit == "1")
}

/// What must hold as long as there is nothing left.
fn holds(
    node: &mut Alone,
    allowed: &[&Bundle],
    (answer, status): (&str, u16),
) -> Result<(), String> {
    let told = format!("it was answered with {status} {answer}");
    if ![200, 409, 500, 507].contains(&status) {
        return Err(told);
    }
    let health = node.health();
    if health.get("attempt").is_some() {
        return Err(format!("{told}, and goes on for ever: {health}"));
    }
    node.is_sound(allowed).map_err(|why| format!("{why} ({told})"))?;
    // One that is asked for by hand does it, or says why not.
    let (answer, status) = node.roll_back();
    if ![200, 404, 507].contains(&status) {
        return Err(format!("the rollback is answered with {status} {answer}"));
    }
    Ok(())
}

fn try_one(
    node: &mut Alone,
    (attempt, lacking): (Attempt, Lacking),
    call: &Call,
) -> Result<bool, String> {
    node.clear_log();
    let (prev, old) = (node.slot("prev"), node.slot("current"));
    let new = if attempt == Attempt::Bad { node.next_liar() } else { node.next() };
    let line = match attempt {
        Attempt::Rollback => node.roll_back_line(),
        Attempt::Bad | Attempt::Good => node.push_line(&new),
    };
    let (answer, status, is_hit) = filled_at(node, call, lacking, &line);
    let mut allowed = vec![&old];
    match attempt {
        Attempt::Bad => {}
        Attempt::Good => allowed.push(&new),
        Attempt::Rollback => allowed.push(&prev),
    }
    holds(node, &allowed, (&answer, status))?;
    free(node);
    let next = node.next();
    let (told, again) = node.push(&next);
    if again != 200 {
        return Err(format!("the next update is answered with {again} {told}"));
    }
    // One more: so that there is something to go back to.
    let next = node.next();
    let (told, again) = node.push(&next);
    if again != 200 {
        return Err(format!("the one after it is answered with {again} {told}"));
    }
    node.is_sound(&[&next])?;
    Ok(is_hit)
}

/// So many calls that change something, spread over all.
fn moments(calls: &[Call], count: usize) -> Vec<Call> {
    let changing: Vec<&Call> = calls.iter().filter(|call| call.is_changing()).collect();
    let at = |number: usize| changing.get((2 * number + 1) * changing.len() / (2 * count));
    (0..count).filter_map(at).copied().cloned().collect()
}

#[test]
fn a_disk_that_is_full_at_any_moment_holds_nothing_in_its_place() {
    let calls = calls();
    let mut hits: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for lacking in [Lacking::Bytes, Lacking::Files] {
        let mut node = Alone::on_small_disk();
        for attempt in [Attempt::Good, Attempt::Bad, Attempt::Rollback] {
            let begun = Instant::now();
            for call in moments(&calls, if is_exhaustive() { ALL } else { SAMPLE }) {
                match try_one(&mut node, (attempt, lacking), &call) {
                    Ok(is_hit) => {
                        let hits = hits.entry(format!("{attempt:?}")).or_default();
                        *hits += usize::from(is_hit);
                    }
                    Err(why) => {
                        let log = node.log();
                        wrong
                            .push(format!("{attempt:?}, no {lacking:?} at {call:?}: {why}\n{log}"));
                        node = Alone::on_small_disk();
                    }
                }
            }
            eprintln!("{attempt:?} without {lacking:?}: {:.1} s", begun.elapsed().as_secs_f32());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("moments that were reached: {hits:?}");
    assert!(hits.values().all(|count| *count > 0) && hits.len() == 3, "{hits:?}");
}

/// A release that fills the disk itself, as long as it runs and longer.
#[test]
fn a_release_that_fills_the_disk_is_taken_back() {
    for lacking in [Lacking::Bytes, Lacking::Files] {
        let mut node = Alone::on_small_disk();
        let old = node.slot("current");
        let fill = fill(&node, lacking);
        let greedy = node.next_liar_after(&fill);
        let (answer, status) = node.push(&greedy);
        assert_eq!(status, 409, "{answer}\n{}", node.log());
        holds(&mut node, &[&old], (&answer, status)).expect("it went back");
        // What was written elsewhere stays, and is no reason not to go on when it is gone.
        let used = node.shell.ok(&format!("ls {}", node.path("disk/filler").display()));
        assert!(!used.is_empty());
        free(&mut node);
        let next = node.next();
        let (answer, status) = node.push(&next);
        assert_eq!(status, 200, "{answer}\n{}", node.log());
        node.is_sound(&[&next]).expect("it is well");
    }
}
