#!/bin/bash
# Inside the VM: a node with a VLAN sub-interface, a VRF member and a bond, and a host at the far end of each. The published
# pool is announced on the sub-interface alone, another one everywhere. At last the bond goes over to its other member. Prints
# `NAME yes|no` per question, the daemon's rows as JSON, and `leaks N`: frames about the pool's address that were heard anywhere
# but on the VLAN. What the tools said, and what the daemon logged, is on the standard error.
set -eu
. test/vm/node.sh
vip=10.180.204.250
other=192.0.2.200
other6=2001:db8::c8
modprobe -q bonding max_bonds=0 || ip link del bond0
ip netns add far
ip -batch - <<'IP'
link add underlay0 type veth peer name far0 netns far
link add member0 type veth peer name far1 netns far
link add slave0 type veth peer name far2 netns far
link add slave1 type veth peer name far3 netns far
link set underlay0 up
link add link underlay0 name underlay0.341 type vlan id 341
link set underlay0.341 up
link add red type vrf table 10
link set red up
link set member0 master red
link set member0 up
link add bond0 type bond mode active-backup miimon 100
link set slave0 master bond0
link set slave1 master bond0
link set bond0 up
IP
{
  echo 'link add link far0 name far0.341 type vlan id 341'
  for i in 0 1 2; do
    echo "link set far$i up"
    echo "addr add 10.180.204.1$i/24 dev far$i"
    echo "addr add 192.0.2.1$i/24 dev far$i"
    echo "addr add 2001:db8::1$i/64 dev far$i nodad"
  done
  echo 'link set far3 up'
  echo 'link set far0.341 up'
  echo 'addr add 10.180.204.1/24 dev far0.341'
} | ip -n far -batch -
hear() { ip netns exec far tcpdump -lni "$1" "$2" 2>/dev/null >"$w/$3" & }
hear far0.341 arp vlan
hear far0 'arp and not vlan' untagged
hear far1 arp member
hear far2 arp bond
hear far3 'arp or icmp6' backup

{
  # As published but for the interface, which its notes ask for.
  sed 's/^  - underlay-pool$/&\n  interfaces: [underlay0.341]/' fixtures/config/seed-004-metallb.yaml
  cat <<YAML
---
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec: {stateDir: $w/state}
---
apiVersion: v1
kind: Service
metadata: {name: nginx-lb}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: other}
spec: {addresses: [$other/32, $other6/128], autoAssign: false}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: other}
spec: {ipAddressPools: [other]}
---
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: $other}, {ip: "$other6"}]}}
YAML
} >"$w/all.yaml"
start "$w/all.yaml"
until_says show/l2 'underlay0\.341.*bond0|bond0.*underlay0\.341'
# NAME COMMAND…: whether the far end gets an answer. What the command says is told beside, for when it is another than expected.
answers() {
  local name=$1 answer=no said
  shift
  said=$(ip netns exec far "$@" 2>&1) && answer=yes
  printf '== %s: %s\n%s\n' "$name" "$*" "$said" >&2
  echo "$name $answer"
}
# It asks every second until somebody answers. With a count of one it would ask once, and wait for a second and no longer.
arp() { answers "$1" arping -f -w "${4:-5}" -I "$2" "$3"; }
nd() { answers "$1" ndisc6 -1 -r 3 -w 2000 "$3" "$2"; }
arp vlan far0.341 $vip 20
arp untagged far0 $vip 1
arp member far1 $vip 1
arp bond far2 $vip 1
arp member-other far1 $other 20
arp bond-other far2 $other 20
nd member-other6 far1 $other6
nd bond-other6 far2 $other6
echo "rows $(ask show/l2)"
about() { cat "${@/#/$w/}" | grep -cE "Reply $vip is-at|tell $vip," || true; }
echo "leaks $(about untagged member bond)"
echo "said $(about vlan)"

# Only then is anything to be heard there, and then without waiting for somebody to ask.
heard() { grep -cE "Request who-has $other .*tell $other|neighbor advertisement.*tgt is $other6" "$w/backup" || true; }
echo "backup-before $(heard)"
ip link set bond0 type bond active_slave slave1
await '[ "$(heard)" -ge 2 ]'
echo "backup-after $(heard)"
grep -q "Request who-has $other " "$w/backup" && echo 'backup-four yes'
grep -q "tgt is $other6" "$w/backup" && echo 'backup-six yes'

echo '== log' >&2
cat "$w/run.log" >&2
