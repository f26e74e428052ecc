//! A LAN with several nodes: a switch in a namespace of its own, and machines plugged into it.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd as _;

use super::machine::{Fresh, Scratch, wired};
use super::{Machine, NODE, Node, VISITOR, VISITOR_IP};

/// The master's address.
const MASTER_IP: Ipv4Addr = Ipv4Addr::new(10, 77, 255, 1);
/// What the switch is called.
const SWITCH: &str = "switch";

/// How a node is cut off, at the switch: the node itself is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Whatever comes from it or is for it gets lost.
    Drops,
    /// Its link has no carrier.
    Unplugged,
}

/// Several nodes, a master and a visitor, of which none has an agent or a daemon yet.
pub struct Lan {
    pub nodes: Vec<Node>,
    pub master: Machine,
    pub visitor: Machine,
    switch: Machine,
    _scratch: Scratch,
}

impl Lan {
    /// A LAN with so many nodes: `node-1`, `node-2` and so on.
    pub fn make(count: u8) -> Self {
        let scratch = Scratch::make();
        let names: Vec<String> = (1..=count).map(|n| format!("node-{n}")).collect();
        let mut plugs = vec![
            ("master".to_owned(), VISITOR, MASTER_IP),
            ("visitor".to_owned(), VISITOR, VISITOR_IP),
        ];
        let addresses = (1..=count).map(address);
        plugs.extend(names.iter().cloned().zip(addresses).map(|(name, ip)| (name, NODE, ip)));
        let ports: Vec<String> = plugs.iter().map(|(name, ..)| name.clone()).collect();
        let (switch, machines) = wired(async move || {
            let switch = Fresh::make();
            let mut machines = Vec::new();
            for (port, link, ip) in &plugs {
                let machine = Fresh::make();
                let wire = switch.links.add_wire(port, link, machine.namespace.as_fd()).await;
                wire.expect("a wire");
                machine.bring_up(link, &[(IpAddr::V4(*ip), 16)]).await;
                machines.push(machine.namespace);
            }
            (switch.namespace, machines)
        });
        let dir = |name: &str| scratch.path().join(name);
        let switch = Machine::new(dir(SWITCH), switch);
        good(&switch, &["ip", "link", "add", SWITCH, "type", "bridge"]);
        good(&switch, &["ip", "link", "set", SWITCH, "up"]);
        for port in &ports {
            good(&switch, &["ip", "link", "set", "dev", port, "master", SWITCH, "up"]);
        }
        let mut machines = ports.iter().zip(machines).map(|(name, it)| Machine::new(dir(name), it));
        let mut next = || machines.next().expect("each was made");
        let (master, visitor) = (next(), next());
        let nodes = names.into_iter().map(|name| Node { machine: next(), name }).collect();
        Self { nodes, master, visitor, switch, _scratch: scratch }
    }

    /// The address of a node.
    pub fn ip(&self, node: &Node) -> Ipv4Addr {
        let at = self.nodes.iter().position(|other| other.name == node.name);
        let n = at.and_then(|at| u8::try_from(at + 1).ok());
        address(n.expect("it is one of these"))
    }

    /// Cuts a node off.
    pub fn cut(&self, node: &Node, how: Cut) {
        self.set_port(node, how, ["0", "down"]);
    }

    /// Undoes [`Self::cut`].
    pub fn mend(&self, node: &Node, how: Cut) {
        self.set_port(node, how, ["3", "up"]);
    }

    /// Puts the switch's port of a node into a state of bridges (0 is disabled, 3 forwards; it
    /// needs nothing of the kernel but the bridge itself), or its link.
    fn set_port(&self, node: &Node, how: Cut, [state, link]: [&str; 2]) {
        let line: &[&str] = match how {
            Cut::Drops => &["bridge", "link", "set", "dev", &node.name, "state", state],
            Cut::Unplugged => &["ip", "link", "set", "dev", &node.name, link],
        };
        good(&self.switch, line);
    }
}

fn address(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 254, n)
}

/// Runs a command line, which must end well.
fn good(machine: &Machine, line: &[&str]) {
    let output = machine.run(line);
    assert!(output.status.success(), "{line:?}: {output:?}");
}
