#!/bin/sh
# Sees to the directories of decnet: those above are root's, and each room in them is one daemon's.
# decnet-rooms.service runs this before each start of a daemon; what is right already stays as it is.
# A machine that was installed before there were rooms is brought to this, also while its old daemons
# run.
#
# Root works only in directories that are root's, from the top down. One that is another's is taken
# first, and looked into afterwards, when nobody else can put anything there any more.
set -eu

# own OWNER GROUP MODE DIR
own() {
  if [ -L "$4" ]; then
    echo "\`$4\` is a symbolic link: remove it" >&2
    exit 1
  fi
  [ -d "$4" ] || mkdir -m 0700 "$4"
  chown -h "$1:$2" "$4"
  chmod "$3" "$4"
}

# papers ROLE: an identity that was brought here, for one daemon to read and for none to write. The root
# of trust is the operator's word: whoever owns it says whether it is, so that stays as it is.
papers() {
  [ -d "/etc/decnet/$1" ] || [ -L "/etc/decnet/$1" ] || return 0
  own root "decnet-$1" 0750 "/etc/decnet/$1"
  find "/etc/decnet/$1" -mindepth 1 -maxdepth 1 -type f -links 1 ! -name root.json \
    \( ! -user root -o ! -group "decnet-$1" -o -perm /027 \) \
    -exec chown -h "root:decnet-$1" {} + -exec chmod 0640 {} +
}

# room NAME GROUP FROM...: with what lies elsewhere and belongs into it.
room() {
  dir=/var/lib/decnet/$1 group=decnet-$2
  shift 2
  for from; do
    to=$dir/${from##*/}
    if { [ -e "$from" ] || [ -L "$from" ]; } && [ ! -e "$to" ]; then
      own root root 0700 "$dir"
      mv -T "$from" "$to"
    fi
  done
  own decnet "$group" 0700 "$dir"
}

# web_key: what api and web share and nobody else has; each group reads a copy.
web_key() {
  for role in api web; do own root "decnet-$role" 0750 "/etc/decnet/$role"; done
  sound=$(find /etc/decnet/api/web.key /etc/decnet/web/web.key -maxdepth 0 -type f -user root \
    -links 1 2>/dev/null | wc -l)
  if [ "$sound" != 2 ] || [ ! -s /etc/decnet/api/web.key ] ||
    [ "$(cat /etc/decnet/api/web.key)" != "$(cat /etc/decnet/web/web.key)" ]; then
    key=$(od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n')
    for role in api web; do
      rm -f "/etc/decnet/$role/web.key.new"
      printf '%s\n' "$key" >"/etc/decnet/$role/web.key.new"
      chown -h "root:decnet-$role" "/etc/decnet/$role/web.key.new"
      chmod 0640 "/etc/decnet/$role/web.key.new"
      mv -T "/etc/decnet/$role/web.key.new" "/etc/decnet/$role/web.key"
    done
  fi
}

own root root 0755 /etc/decnet
papers agent
papers updater
web_key

own root root 0755 /var/lib/decnet
cd /var/lib/decnet
room agent agent node.json deckies.json deployment.json master.json
room store agent events.db-wal events.db-shm events.db
room api api first-login
room updater updater
# The authority was kept below /etc: another file system, so it is there whole before it is gone here.
if [ -d /etc/decnet/ca ] && [ ! -L /etc/decnet/ca ] && [ ! -e swarm/ca ]; then
  own root root 0700 /etc/decnet/ca
  own root root 0700 swarm
  rm -rf swarm/ca.new
  cp -a /etc/decnet/ca swarm/ca.new
  chown -h decnet:decnet-swarmctl swarm/ca.new
  sync swarm/ca.new/* swarm/ca.new
  mv -T swarm/ca.new swarm/ca
  sync swarm
  rm -rf /etc/decnet/ca
fi
room swarm swarmctl

own decnet decnet-updater 0755 /opt/decnet

own root root 0755 /run/decnet
own decnet decnet-agent 0700 /run/decnet/agent
rm -f /run/decnet/agent.lock /run/decnet/agent.sock /run/decnet/agent.json
if [ ! -L /run/decnet/bpf ] && mountpoint -q /run/decnet/bpf; then
  # A kernel before 6.9 does not take the owner from the options of the mount.
  chown -h decnet:decnet-bpf /run/decnet/bpf
fi
