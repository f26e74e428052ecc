//! What a hostile master sends: somebody who has stolen its key, and perhaps keys that sign.
//!
//! Each row of a table says what comes, and what must be answered. After each the links, the
//! releases, the journals, the spool and both processes are what they were, and the audit log has
//! one line more: none where the updater was asked for something that never became an attempt.

mod bundles;
mod disk;
mod forms;
mod large;
mod parcels;
mod senders;
mod strangers;
mod trust;

use std::net::IpAddr;

use decnet_tests::forged::Forge;
use decnet_tests::pushes::{Field, Sender};
use decnet_tests::releases::Behaviour;
use serde_json::Value;

use decnet_tests::node::{Node, STATE};

/// The node, as the master reaches it.
const NODE: IpAddr = IpAddr::V4(decnet_tests::world::NODE_IP);

/// What a refusal leaves in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    /// One line: an attempt was made of it.
    Line,
    /// Nothing: the request itself is at fault.
    Nothing,
}

/// What is sent, what must be answered, and a part of the reason.
type Row = (&'static str, Vec<u8>, u16, &'static str);

/// A node that runs its second release, and whoever attacks it.
struct Scene {
    node: Node,
    master: Sender,
    forge: Forge,
    before: String,
    lines: usize,
}

impl Scene {
    fn open() -> Self {
        let mut node = Node::boot();
        let forge = Forge::at(node.shop.path());
        let master = Sender::new(&node.shop.path().join("master"), node.machine.visitor(), NODE);
        let good = node.shop.release(5, Behaviour::Good);
        assert_eq!(node.push(&good, "five").1, 200);
        let mut scene = Self { node, master, forge, before: String::new(), lines: 0 };
        let (before, lines) = scene.look();
        (scene.before, scene.lines) = (before, lines.len());
        scene
    }

    /// Everything that must not change, and the lines of the audit logs.
    fn look(&mut self) -> (String, Vec<String>) {
        let all = "echo LOGS; cat /var/lib/decnet/updater/*/audit.log";
        let text = self.node.machine.ok(&format!("{STATE}\n{all}"));
        let (state, log) = text.split_once("LOGS\n").expect("it was written");
        (state.to_owned(), log.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// Checks that what was answered is a refusal, and that nothing came of it.
    fn refused(
        &mut self,
        name: &str,
        (said, found): &(Value, u16),
        (status, why): (u16, &str),
        trace: Trace,
    ) {
        assert_eq!(*found, status, "{name}: {said}");
        assert!(said.to_string().contains(why), "{name}: {said}\nis not: {why}");
        let (state, lines) = self.look();
        assert_eq!(state, self.before, "{name}");
        let wanted = self.lines + usize::from(trace == Trace::Line);
        assert_eq!(lines.len(), wanted, "{name}: {lines:?}");
        let said = format!("\"attempt\":\"{name}\"");
        let line = lines.iter().find(|line| line.contains(&said));
        let is_refused = line.is_some_and(|line| line.contains("\"outcome\":\"refused\""));
        assert_eq!(is_refused, trace == Trace::Line, "{name}: {line:?}");
        self.lines = wanted;
    }

    /// Pushes each, of which an attempt is made that is refused.
    fn refuses(&mut self, rows: Vec<Row>) {
        for (name, bytes, status, why) in rows {
            let answer = self.master.push(name, &bytes);
            self.refused(name, &answer, (status, why), Trace::Line);
        }
    }

    /// Posts a form, which is none.
    fn refuses_form(&mut self, route: &str, fields: &[Field<'_>], status: u16, why: &str) {
        let answer = self.master.post(route, fields);
        self.refused(why, &answer, (status, why), Trace::Nothing);
    }
}

#[test]
fn what_is_forged_is_refused_and_changes_nothing() {
    let mut scene = Scene::open();
    bundles::unfit_headers(&mut scene);
    bundles::unfit_manifests(&mut scene);
    bundles::other_files(&mut scene);
    parcels::refused(&mut scene);
    trust::refused(&mut scene);
    forms::refused(&mut scene);
    forms::without_an_end(&mut scene);
    forms::changed_upload(&mut scene);
    strangers::are_not_heard(&mut scene);
    // What is no attack: the same once more.
    let five = scene.node.shop.path().join("release-5.tar");
    let bytes = std::fs::read(five).expect("it was made");
    let (said, status) = scene.master.push("replay", &bytes);
    assert_eq!((status, &said["status"]), (200, &"unchanged".into()), "{said}");
    let (state, lines) = scene.look();
    assert_eq!((state, lines.len()), (scene.before, scene.lines + 1));
}
