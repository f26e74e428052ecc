//! A disk on which there is nothing left, from any moment of a self-update on: an updater answers,
//! whoever asks is told which, and the next self-update works when there is space again.

use std::time::{Duration, Instant};

use decnet_tests::releases::{Behaviour, Bundle};
use decnet_tests::world::wait_for;
use serde_json::Value;

use super::alone::Alone;
use super::full::{Lacking, fill, free};
use super::killed::is_exhaustive;

/// How many moments of each kind are tried in every run.
const SAMPLE: u32 = 1;
/// How many when all is.
const ALL: u32 = 20;

/// An updater that dies when it has just begun to serve.
const DIES: &str = "[ $1 = updater ] && { (sleep 1; kill -9 $$) & }";

struct Node {
    alone: Alone,
    number: u64,
    /// The updater's release.
    own: Bundle,
}

impl Node {
    fn start() -> Self {
        let mut alone = Alone::on_disk(640, 1_024);
        alone.soak = 2;
        let first = alone.shop.release(1, Behaviour::Good);
        alone.install(&first);
        alone.start("");
        alone.up();
        let mut node = Self { alone, number: 1, own: first };
        node.goes_on();
        node
    }

    fn next(&mut self, is_good: bool) -> Bundle {
        self.number += 1;
        let shop = &self.alone.shop;
        if is_good {
            shop.release(self.number, Behaviour::Good)
        } else {
            shop.scripted(self.number, DIES)
        }
    }

    /// What came of the latest attempt: its status, once it has ended.
    fn ended(&mut self) -> u64 {
        let attempt = format!("own-{}", self.number);
        let told = wait_for(|| {
            let told = self.alone.ask(&format!("/attempts/{attempt}"));
            told.filter(|told| told["state"] == "done")
        });
        let told = told.unwrap_or_else(|| {
            let (_, runs) = self.alone.shell.run("ps -eo pid,ppid,stat,args");
            panic!("it goes on for ever: {}\n{runs}", self.alone.log())
        });
        told["status"].as_u64().unwrap_or_else(|| panic!("{told}"))
    }

    /// Checks that the updater is this release, at rest, and the process that it was.
    fn is(&mut self, what: &str, release: &Bundle) {
        let pid = self.alone.updater();
        let is_at_rest = |it: &Value| it["attempt"].is_null() && it["pid"] == pid;
        let health = wait_for(|| self.alone.ask("/health").filter(is_at_rest));
        let health = health.unwrap_or_else(|| panic!("{what}: {}", self.alone.log()));
        let runs = &health["release"];
        assert_eq!(*runs, Value::from(release.digest.as_str()), "{what}\n{}", self.alone.log());
        assert_eq!(self.alone.slot("updater/current").digest, release.digest, "{what}");
    }

    /// Brings the updater a good release, and sees that it is that afterwards.
    fn goes_on(&mut self) {
        let good = self.next(true);
        let (said, status) = self.alone.push_self(&good, &format!("own-{}", self.number));
        assert_eq!(status, 202, "{said}\n{}", self.alone.log());
        assert_eq!(self.ended(), 200, "{}", self.alone.log());
        self.is("there is space", &good);
        self.own = good;
    }

    /// Brings it a release, and fills the disk so long after that has begun.
    fn is_filled(&mut self, is_good: bool, lacking: Lacking, after: Duration) {
        let what = format!("good: {is_good}, no {lacking:?} after {after:?}");
        self.alone.clear_log();
        let new = self.next(is_good);
        let attempt = format!("own-{}", self.number);
        let fill = fill(&self.alone, lacking);
        let done = self.alone.path("filled").display().to_string();
        let after_seconds = after.as_secs_f32();
        self.alone.shell.ok(&format!(
            "rm -f {done}; (sleep {after_seconds}; {fill}; touch {done}) >/dev/null 2>&1 &"
        ));
        let (said, status) = self.alone.push_self(&new, &attempt);
        let status = if status == 202 { self.ended() } else { u64::from(status) };
        self.alone.shell.ok(&format!("until [ -e {done} ]; do sleep .05; done"));
        let told = [200, 409, 500, 507].contains(&status);
        assert!(told, "{what}: {status} {said}\n{}", self.alone.log());
        let own = if status == 200 { new } else { self.own.clone() };
        assert!(is_good || status != 200, "{what}: a bad one was taken");
        self.is(&what, &own);
        self.own = own;
        free(&mut self.alone);
        self.goes_on();
    }
}

#[test]
fn a_disk_that_is_full_at_any_moment_of_a_self_update_leaves_an_updater() {
    let kinds = [
        (true, Lacking::Bytes),
        (false, Lacking::Files),
        (true, Lacking::Files),
        (false, Lacking::Bytes),
    ];
    let (of_kinds, count) = if is_exhaustive() { (kinds.len(), ALL) } else { (2, SAMPLE) };
    let mut node = Node::start();
    for (is_good, lacking) in kinds.into_iter().take(of_kinds) {
        let begun = Instant::now();
        node.goes_on();
        let all = begun.elapsed();
        for at in 0..count {
            node.is_filled(is_good, lacking, all * (2 * at + 1) / (2 * count));
        }
    }
}
