#!/bin/bash
# Inside the VM: a node with a VLAN sub-interface, a VRF member and a bond, and a host at the far end of each. The published
# pool is announced on the sub-interface alone, another one everywhere. Prints `NAME yes|no` per question, the daemon's
# rows as JSON, and `leaks N`: frames about the pool's address that were heard anywhere but on the VLAN.
set -eu
w=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
vip=10.180.204.250
other=192.0.2.200
other6=2001:db8::c8
modprobe -q bonding max_bonds=0
ip netns add far
pair() { # NEAR FAR
  ip link add "$1" type veth peer name "$2" netns far
  ip link set "$1" up
  ip -n far link set "$2" up
}
pair underlay0 far0
ip link add link underlay0 name underlay0.341 type vlan id 341
ip link set underlay0.341 up
ip -n far link add link far0 name far0.341 type vlan id 341
ip -n far link set far0.341 up
ip link add red type vrf table 10
ip link set red up
pair member0 far1
ip link set member0 master red
pair slave0 far2
ip link set slave0 down
ip link add bond0 type bond mode active-backup miimon 100
ip link set slave0 master bond0
ip link set bond0 up
for i in 0 1 2; do
  ip -n far addr add 10.180.204.1$i/24 dev far$i
  ip -n far addr add 192.0.2.1$i/24 dev far$i
  ip -n far addr add 2001:db8::1$i/64 dev far$i nodad
done
ip -n far addr add 10.180.204.1/24 dev far0.341
hear() { ip netns exec far tcpdump -lni "$1" "$2" 2>/dev/null >"$w/$3" & }
hear far0.341 arp vlan
hear far0 'arp and not vlan' untagged
hear far1 arp member
hear far2 arp bond

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
node bin/waypost run -c "$w/all.yaml" --control "$w/sock" --http off >"$w/run.log" 2>&1 &
rows() { curl -sf --unix-socket "$w/sock" http://-/show/l2 || true; }
for _ in $(seq 120); do
  rows | grep -q underlay0.341 && rows | grep -q bond0 && break
  sleep 0.5
done
ask() { # NAME COMMAND…: whether the far end gets an answer
  local name=$1 answer=no
  shift
  ip netns exec far "$@" >/dev/null 2>&1 && answer=yes
  echo "$name $answer"
}
arp() { ask "$1" arping -q -c 1 -w "${4:-5}" -I "$2" "$3"; }
nd() { ask "$1" ndisc6 -q -1 -r 3 -w 2000 "$3" "$2"; }
arp vlan far0.341 $vip
arp untagged far0 $vip 1
arp member far1 $vip 1
arp bond far2 $vip 1
arp member-other far1 $other
arp bond-other far2 $other
nd member-other6 far1 $other6
nd bond-other6 far2 $other6
echo "rows $(rows | tr -d '\n')"
about() { cat "${@/#/$w/}" | grep -cE "Reply $vip is-at|tell $vip," || true; }
echo "leaks $(about untagged member bond)"
echo "said $(about vlan)"
