//! Releases with other capture programs: they come with the release, and go with it.

use decnet_tests::node::Node;
use decnet_tests::releases::{Behaviour, Programs};
use serde_json::Value;

/// What is pinned: of which programs, and since when.
fn pinned(node: &mut Node) -> (String, String) {
    let object = node.machine.ok("readlink /run/decnet/bpf/object");
    (object, node.machine.ok("stat -c %i /run/decnet/bpf/PRIO"))
}

/// Checks that the agent sees what touches the decky.
fn captures(node: &mut Node) {
    let seen = "journalctl -o cat DECNET_EVENT=scan.icmp | grep -c scan.icmp";
    let before = node.machine.run(seen).1.trim().to_owned();
    // A visit that is over is a new one.
    node.machine.ok("ip -n visitor addr flush dev eth0 scope global");
    let place = before.parse::<u32>().unwrap_or(0) + 20;
    node.machine.ok(&format!(
        "ip -n visitor addr add 10.77.255.{place}/16 dev eth0
         ip netns exec visitor ping -c 1 -W 2 10.77.1.1"
    ));
    node.machine.until(&format!("[ $({seen}) -gt {} ]", before.parse::<u32>().unwrap_or(0)));
}

#[test]
fn a_release_brings_its_capture_programs_and_takes_them_along() {
    let mut node = Node::boot();
    let first = node.first.clone();
    node.runs(&first);
    captures(&mut node);
    let of_first = pinned(&mut node);

    // The same programs stay as they are.
    let second = node.shop.release(2, Behaviour::Good);
    assert_eq!(node.push(&second, "two").1, 200);
    assert_eq!(pinned(&mut node), of_first);

    let third = node.shop.with_programs(3, Programs::Equal);
    let (said, status) = node.push(&third, "three");
    assert_eq!((status, &said["status"]), (200, &"updated".into()), "{said}");
    node.runs(&third);
    let of_third = pinned(&mut node);
    assert_ne!(of_third, of_first);
    captures(&mut node);

    // Those that the kernel does not take are a bad release like any other.
    let refused = node.shop.with_programs(4, Programs::Refused);
    let (said, status) = node.push(&refused, "four");
    assert_eq!((status, &said["detail"]["rolled_back"]), (409, &Value::Bool(true)), "{said}");
    node.runs(&third);
    assert_eq!(pinned(&mut node), of_third);
    let told = |journal: &str| journal.contains("cannot load the capture programs into the kernel");
    let journal = node.machine.journal("-u decnet-bpf", told);
    assert!(told(&journal), "{journal}");
    captures(&mut node);

    let (said, status) = node.curl("master", "-X POST https://127.0.0.1:8766/rollback");
    assert_eq!((status, &said["status"]), (200, &"rolled_back".into()), "{said}");
    node.runs(&second);
    assert_eq!(pinned(&mut node).0, of_first.0);
    captures(&mut node);
}

/// What loads them is the user that the agent is, with three capabilities.
#[test]
fn what_loads_the_programs_is_not_root() {
    let mut node = Node::boot();
    let owners = node.machine.ok("stat -c %U /run/decnet/bpf /run/decnet/bpf/[!.]*[!g]");
    assert!(
        owners.lines().count() > 10 && owners.lines().all(|owner| owner == "decnet"),
        "{owners}"
    );
    let agent = node.agent()["pid"].clone();
    // Pins that are lost, in part or all, are made anew at the next start.
    for harm in ["rm /run/decnet/bpf/object /run/decnet/bpf/PRIO", "umount -l /run/decnet/bpf"] {
        node.machine.ok(&format!("{harm}; systemctl restart decnet-agent"));
        let first = node.first.clone();
        node.runs(&first);
        captures(&mut node);
    }
    assert_ne!(node.agent()["pid"], agent);
    node.machine.ok("systemctl stop decnet-agent; umount -l /run/decnet/bpf; rmdir /run/decnet/bpf
         mkdir /run/elsewhere; ln -s /run/elsewhere /run/decnet/bpf");
    let (code, _) = node.machine.run("systemctl start decnet-bpf");
    assert_ne!(code, 0);
    let mounted = node.machine.run("mountpoint /run/elsewhere").0;
    assert_ne!(mounted, 0, "root was led elsewhere");
    node.machine.ok("rm /run/decnet/bpf; systemctl start decnet-agent");
    captures(&mut node);
}
