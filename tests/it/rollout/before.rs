//! What is known of a release before anything is sent.

use std::fs;

use decnet_tests::rollout::{Scene, bundle, release, report, text, tree};
use decnet_tests::updater::Manner;
use decnet_tests::world::World;
use serde_json::json;

#[test]
fn a_dry_run_says_what_is_sent_of_a_second_release_and_who_refuses_it() {
    let world = World::make();
    let scene = Scene::new(&world);
    let node = scene.node(1, Manner::Good);
    let [first, second] = ["first", "second"].map(|words| {
        let tree = tree(&scene.dir, "same");
        fs::write(tree.join("share/words"), words).expect("it is ours");
        tree.display().to_string()
    });
    assert_eq!(first, second, "one tree, in which a file changes");
    let update = |more: &[&str]| {
        let line =
            ["update", "--all", "--root", &second, "--include-self", "--soak", "0", "--json"];
        scene.master.swarm(&[&line[..], more].concat())
    };
    assert!(update(&[]).status.success());
    let all = node.played().received;
    fs::write(tree(&scene.dir, "same").join("share/words"), "third").expect("it is ours");
    let dry = report(&update(&["--dry-run"]));
    let bytes = dry["results"][0]["send_bytes"].as_u64().expect("a number");
    assert!(bytes > 0 && bytes < 100_000, "what is the same is not sent: {dry}");
    assert!(update(&[]).status.success());
    assert_eq!((node.played().received - all) as u64, bytes);

    node.played().manner = Manner::Refuses(422);
    fs::write(tree(&scene.dir, "same").join("share/words"), "fourth").expect("it is ours");
    let refused = update(&["--dry-run"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(report(&refused)["results"][0]["refusals"], json!(["it will not"]));
}

#[test]
fn a_release_of_the_future_is_sent_to_nobody() {
    let world = World::make();
    let scene = Scene::new(&world);
    let node = scene.node(1, Manner::Good);
    let tree = tree(&scene.dir, "late").display().to_string();
    let out = scene.dir.join("late.tar").display().to_string();
    let key = scene.dir.join("key").display().to_string();
    bundle(&scene.dir, "new");
    release(&["pack", &tree, "--out", &out, "--created", "2101-01-01T00:00:00Z"]);
    release(&["sign", &out, "--key", &key]);
    let update = ["update", "--all", "--bundle", &out, "--soak", "0"];
    let refused = scene.master.swarm(&update);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(
        said.contains("made on 2101-01-01") && said.contains("the clock of the master"),
        "{said}"
    );
    assert_eq!((scene.kept(), node.played().heard.len()), (0, 0));
    let sent = scene.master.swarm(&[&update[..], &["--allow-future"]].concat());
    assert!(sent.status.success(), "{sent:?}");
}
