#!/bin/bash
# Boots a real systemd as PID 1 of new namespaces on a throw-away copy of this machine's root, runs a
# command in it, and takes everything down again.
#
#   systemd-sandbox.sh [-s SETUP] [-v DIR]... -- COMMAND [ARG...]
#     -s SETUP  a script to run in the new root before systemd starts
#     -v DIR    a directory to show there, read-only, at the same path
#
# Exit code: the command's, 125 when systemd does not come up. Writes go to a tmpfs. Needs root and
# the packages systemd, systemd-sysv and dbus.
set -euo pipefail

setup= binds=()
while getopts 's:v:' option; do
  case $option in
    s) setup=$(realpath "$OPTARG") ;;
    v) binds+=("$OPTARG") ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[[ ${1:-} != -- ]] || shift

state=$(mktemp -d /tmp/decnet-systemd.XXXXXX)
leader= cgroup= unshared=

take_down() {
  # Killing the first process of a process namespace kills all that are in it.
  [[ -z $leader ]] || kill -KILL "$leader" 2>/dev/null || true
  [[ -z $unshared ]] || { kill -KILL "$unshared" 2>/dev/null || true; wait "$unshared" 2>/dev/null || true; }
  if [[ -n $cgroup ]]; then
    for _ in $(seq 50); do
      [[ -d $cgroup ]] || break
      find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
  fi
  rm -rf "$state"
}
trap take_down EXIT

# A cgroup of its own, in whichever hierarchy is version 2.
for dir in /sys/fs/cgroup /sys/fs/cgroup/unified; do
  [[ -e $dir/cgroup.procs && $(stat -fc %T "$dir") == cgroup2fs ]] && parent=$dir
done
if [[ -z ${parent:-} ]]; then
  parent=$state/cgroup2
  mkdir "$parent"
  mount -t cgroup2 none "$parent"
fi
cgroup=$parent/decnet-${state##*.}
mkdir "$cgroup"

cat >"$state/inside.sh" <<'INSIDE'
#!/bin/bash
set -euo pipefail
state=$1 setup=$2
shift 2
mount --make-rprivate /
mkdir -p "$state/m"
mount -t tmpfs -o size=2g,mode=755 none "$state/m"
root=$state/m/root
mkdir "$state"/m/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$state/m/upper,workdir=$state/m/work" "$root"
mount -t tmpfs -o mode=755,nosuid,nodev run "$root/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmp "$root/tmp"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
# Only the network's settings are this namespace's own; systemd would change the others for all.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
for node in null zero full random urandom tty; do
  touch "$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s null "$root/dev/kmsg"
mkdir "$root"/dev/{pts,shm}
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for link in fd:/proc/self/fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
  ln -s "${link#*:}" "$root/dev/${link%%:*}"
done
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
for dir in "$@"; do
  mkdir -p "$root$dir"
  mount --rbind "$dir" "$root$dir"
  mount -o remount,bind,ro "$root$dir"
done
: >"$root/etc/machine-id"
: >"$root/etc/fstab"
ip link set lo up
cat >"$root/etc/systemd/system/sandbox.target" <<UNIT
[Unit]
Requires=basic.target
Wants=dbus.service systemd-journald.service
After=basic.target dbus.service
AllowIsolate=yes
UNIT
for unit in systemd-timesyncd systemd-pstore systemd-udevd systemd-udev-trigger systemd-networkd \
  systemd-resolved systemd-firstboot systemd-hwdb-update ldconfig systemd-journal-catalog-update \
  systemd-remount-fs systemd-binfmt systemd-modules-load systemd-logind e2scrub_reap; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
done
for unit in systemd-udevd-control.socket systemd-udevd-kernel.socket proc-sys-fs-binfmt_misc.automount \
  sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount getty.target; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
if [[ -n $setup ]]; then
  cp "$setup" "$root/run/setup.sh"
  chroot "$root" /bin/bash /run/setup.sh
fi
cd "$root"
mkdir .old
pivot_root . .old
exec chroot . /bin/bash -c 'umount -l /.old; rmdir /.old; mount --make-rshared /
  exec env -i container=sandbox PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 /lib/systemd/systemd --system --show-status=0 systemd.unit=sandbox.target </dev/null'
INSIDE

(
  echo 0 >"$cgroup/cgroup.procs"
  exec setpriv --pdeathsig KILL unshare --pid --mount --uts --ipc --net --cgroup --fork \
    --kill-child=SIGKILL bash "$state/inside.sh" "$state" "$setup" ${binds[@]+"${binds[@]}"} \
    >"$state/boot.log" 2>&1
) &
unshared=$!
for _ in $(seq 100); do
  leader=$(tr -d ' ' <"/proc/$unshared/task/$unshared/children" 2>/dev/null || true)
  [[ -z $leader ]] || break
  sleep 0.02
done
inside=(nsenter -t "${leader:-0}" -m -u -i -n -p -C -r -w env -i LANG=C.UTF-8 HOME=/root
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
up=
for _ in $(seq 600); do
  [[ -n $leader && -d /proc/$leader ]] || break
  if [[ $(cat "/proc/$leader/comm" 2>/dev/null) == systemd ]]; then
    case $("${inside[@]}" systemctl is-system-running 2>/dev/null || true) in
      running | degraded) up=1; break ;;
    esac
  fi
  sleep 0.05
done
if [[ -z $up ]]; then
  echo "systemd does not come up:" >&2
  tail -n 40 "$state/boot.log" >&2
  exit 125
fi
code=0
"${inside[@]}" "$@" || code=$?
exit "$code"
