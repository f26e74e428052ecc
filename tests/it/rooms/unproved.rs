//! What a release can do while it is asked whether it is well: nothing but answer.

use decnet_tests::node::Node;

/// Tries everything when it is asked, and leaves processes behind.
const GREEDY: &str = r#"#!/bin/sh
[ "$1" = selfcheck ] || exit 3
sleep 1234 &
setsid sleep 1234 2>/dev/null &
/usr/bin/python3 - "${0%/bin/decnet}" >&2 <<'PY'
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
own = sys.argv[1]

def called(result):
    if result < 0:
        raise OSError("refused")

def write(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))

def connect(family, where):
    socket.socket(family).connect(where)

tries = {
    "write-own": lambda: write(own + "/share/number"),
    "write-release": lambda: write("/opt/decnet/x"),
    "write-state": lambda: write("/var/lib/decnet/updater/x"),
    "write-tmp": lambda: write("/tmp/x"),
    "write-shm": lambda: write("/dev/shm/x"),
    "chmod": lambda: os.chmod(own + "/share/number", 0o777),
    "unlink": lambda: os.unlink("/opt/decnet/current"),
    "rename": lambda: os.rename("/opt/decnet/current", "/opt/decnet/prev"),
    "link": lambda: os.symlink("/", "/opt/decnet/y"),
    "read-key": lambda: open("/etc/decnet/updater/updater.key").read(1),
    "read-journal": lambda: open("/var/lib/decnet/updater/agent/journal").read(1),
    "list-proc": lambda: os.listdir("/proc"),
    "tcp": lambda: connect(socket.AF_INET, ("127.0.0.1", 8765)),
    "unix": lambda: connect(socket.AF_UNIX, "/run/dbus/system_bus_socket"),
    "abstract": lambda: socket.socket(socket.AF_UNIX).bind("\0x"),
    "signal": lambda: os.kill(-1, 0),
    "session": lambda: os.setsid(),
    "group": lambda: os.setpgid(0, 0),
    "trace": lambda: called(libc.ptrace(0x4206, os.getppid(), 0, 0)),
    "namespace": lambda: called(libc.unshare(0x10000000)),
    "shared-memory": lambda: called(libc.shmget(1, 4096, 0o1600)),
    "rings": lambda: called(libc.syscall(425, 1, ctypes.create_string_buffer(120))),
}
for name, act in tries.items():
    try:
        act()
    except OSError:
        continue
    print("WORKED", name)
print(len(tries), "tried")
PY
exit 3
"#;

/// Never answers, and neither does what it has started.
const SILENT: &str = "#!/bin/sh\n[ $1 = selfcheck ] || exit 3\nsleep 1234 &\nsleep 1234\n";

#[test]
fn a_release_that_is_not_proved_reaches_nothing() {
    let mut node = Node::boot();
    let greedy = node.shop.script(2, GREEDY);
    let (said, status) = node.push(&greedy, "greedy");
    let error = said["detail"]["error"].as_str().unwrap_or_default();
    assert!(status == 422 && error.contains("22 tried"), "{said}");
    assert!(!error.contains("WORKED"), "{said}");
    node.machine.ok("! pgrep -f 'sleep 1234'");

    let silent = node.shop.script(3, SILENT);
    let (said, status) = node.push(&silent, "silent");
    let error = said["detail"]["error"].as_str().unwrap_or_default();
    assert!(status == 422 && error.contains("it has not ended within 10 s"), "{said}");
    node.machine.ok("! pgrep -f 'sleep 1234'");
    node.runs(&node.first.clone());
}
