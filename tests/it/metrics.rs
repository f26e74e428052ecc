//! What daemons say of themselves to Prometheus.

use std::process::{Child, Command, Stdio};

use decnet_tests::world::{Machine, World, decnet, wait_for};

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What is served there, waited for.
fn metrics(on: &Machine, port: u16) -> String {
    let url = format!("http://127.0.0.1:{port}/metrics");
    let found = wait_for(|| {
        let said = on.run(&["curl", "-sS", "-f", "-m", "5", &url]);
        said.status.success().then(|| String::from_utf8_lossy(&said.stdout).into_owned())
    });
    found.unwrap_or_else(|| panic!("nothing is served at {url}"))
}

#[test]
fn metrics_say_when_certificates_end_and_are_for_this_machine_alone() {
    let world = World::make();
    let dir = world.visitor.dir.join("master");
    std::fs::create_dir_all(&dir).expect("the directory is ours");
    let swarmctl = |metrics: &str| {
        let mut command = Command::new(decnet());
        command.args(["swarmctl", "--metrics", metrics]);
        command.arg("--etc-dir").arg(dir.join("etc")).arg("--state-dir").arg(dir.join("state"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let everywhere = swarmctl("0.0.0.0:9101").status().expect("it is built");
    assert_eq!(everywhere.code(), Some(2), "not for others");
    let _swarmctl = Running(world.visitor.spawn(swarmctl("127.0.0.1:9101")));
    let said = metrics(&world.visitor, 9101);
    for line in [
        "# TYPE decnet_certificate_expires_seconds gauge",
        "decnet_build_info{role=\"swarmctl\",version=\"",
        "decnet_certificate_expires_seconds{credential=\"authority\",of=\"master\"} ",
        "decnet_certificate_expires_seconds{credential=\"master\",of=\"master\"} ",
    ] {
        assert!(said.contains(line), "{line} is not in:\n{said}");
    }
    let _agent = world.start_agent_by(&["env", "DECNET_METRICS=127.0.0.1:9102"], "");
    let said = metrics(&world, 9102);
    assert!(said.contains("decnet_build_info{role=\"agent\""), "{said}");
}
