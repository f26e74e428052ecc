//! An update under systemd, with the units that are shipped: how long it takes, who notices, and what
//! memory it needs.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use decnet_tests::booted::Booted;
use decnet_tests::node::Node;
use decnet_tests::releases::Behaviour;
use decnet_tests::siege::{Siege, Way};

use crate::report::{Report, median};

const ROUNDS: u64 = 5;
/// Bytes of the large bundle.
const LARGE: u64 = 500 * 1024 * 1024;
/// A release need not go on answering: what is measured is the rest.
const HASTY: &str = "sed -i 's/^soak = .*/soak = 0/' /etc/decnet/decnet.toml; \
                     systemctl restart decnet-updater";

pub(crate) fn run(report: &mut Report) {
    let mut node = Node::boot();
    node.machine.ok(HASTY);
    node.ask("/health");
    report.add(
        "updater, idle: resident memory",
        kilobytes(&mut node, "VmRSS"),
        "12 MB",
        "",
        "119 MB",
    );
    updates(report, &mut node);
    large(report, &mut node);
}

/// Good releases, one after the other, while visitors do not stop coming.
fn updates(report: &mut Report, node: &mut Node) {
    let visits = [(SocketAddr::new(IpAddr::from([10, 77, 1, 1]), 80), Way::Ask)];
    let siege = Siege::begin(&node.machine.visitor(), &visits);
    let (mut whole, mut away) = (Vec::new(), Vec::new());
    for number in 2..2 + ROUNDS {
        let bundle = node.shop.release(number, Behaviour::Good);
        let began = Instant::now();
        let (said, status) = node.push(&bundle, &format!("round-{number}"));
        whole.push(began.elapsed().as_secs_f64());
        assert_eq!(status, 200, "{said}");
        away.push(unserved(&mut node.machine));
    }
    let tallies = siege.end();
    let all: usize = tallies.iter().map(|tally| tally.connected).sum();
    let refused: usize = tallies.iter().map(|tally| tally.refused.len()).sum();
    let beside = "reference 5.3 s";
    report.add("whole update, without the soak", seconds(whole), "2 s", "", beside);
    let beside = "reference 1.14 s";
    report.add("of that, the agent does not serve", seconds(away), "0.3 s", "", beside);
    let figure = format!("{refused} refused of {all}");
    report.add("visitors of a decky meanwhile", figure, "0 refused", "", "");
}

/// Pushes a large bundle, and asks all the while how the updater is.
fn large(report: &mut Report, node: &mut Node) {
    let bundle = node.shop.large(2 + ROUNDS, LARGE);
    node.machine.ok("systemctl restart decnet-updater");
    node.ask("/health");
    let push = node.push_line("update", &bundle.path, "-F attempt=large");
    let master = node.shop.path().join("master").display().to_string();
    let (code, said) = node.machine.run(&format!(
        "( until [ -e /run/pushed ]; do
             curl -s -o /dev/null -w '%{{time_total}}\\n' --cacert {master}/ca.crt \
               --cert {master}/worker.crt --key {master}/worker.key https://127.0.0.1:8766/health
             sleep .02
           done >/run/times ) &
         {push}; touch /run/pushed; wait"
    ));
    assert!(code == 0 && said.trim_end().ends_with("200"), "{said}");
    let most = kilobytes(node, "VmHWM");
    report.add("updater, bundle of 500 MB: most memory", most, "32 MB", "", "637 MB");
    let times = node.machine.ok("sort -n /run/times");
    let times: Vec<f64> = times.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let worst = times.last().copied().unwrap_or(f64::NAN) * 1e3;
    let beside = format!("worst of {}: {worst:.0} ms", times.len());
    let figure = format!("{:.1} ms", median(times) * 1e3);
    report.add("`/health` by curl while that is installed", figure, "50 ms", "", &beside);
}

/// What the kernel says of the updater's memory.
fn kilobytes(node: &mut Node, what: &str) -> String {
    let pid = node.machine.property("decnet-updater", "MainPID");
    let line = node.machine.ok(&format!("grep {what} /proc/{pid}/status"));
    let number = line.split_whitespace().nth(1).and_then(|word| word.parse::<f64>().ok());
    format!("{:.1} MB", number.unwrap_or(f64::NAN) / 1_024.0)
}

/// How long the master was not served when the agent was restarted last, in seconds.
fn unserved(machine: &mut Booted) -> f64 {
    let lines = machine.ok("journalctl -o short-monotonic -u decnet-agent | \
         grep -E 'agent[.]stop|the master is served' | tail -2");
    let at = |line: &str| line.split(']').next()?.trim_start_matches('[').trim().parse().ok();
    let times: Vec<f64> = lines.trim().lines().filter_map(at).collect();
    times.last().copied().unwrap_or(f64::NAN) - times.first().copied().unwrap_or(f64::NAN)
}

fn seconds(values: Vec<f64>) -> String {
    format!("{:.2} s", median(values))
}
