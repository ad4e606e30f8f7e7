#!/bin/bash
# Inside the VM: a node whose policies put it into two VRFs with the same addresses on both sides, and what becomes of
# that: sessions, clients with one address, a policy that cuts the node off, a kill in the middle, and the way back.
# Prints what the kernel, the daemon and the others say, a line each; test/vm/network.test.ts judges.
set -u; [ -z "${VM_TRACE:-}" ] || set -x
. test/vm/node.sh

# The default gateway, a router with a client behind it in each VRF, and a pod for each. Programs start slowly here.
modprobe -q bonding max_bonds=0 || true
for name in main red blue pod-red pod-blue; do ip netns add $name; done
ip -batch - <<'IP'
link add to-main type veth peer name eth0 netns main
link add to-red type veth peer name eth0 netns red
link add to-blue type veth peer name eth0 netns blue
link add pod-red type veth peer name eth0 netns pod-red
link add pod-blue type veth peer name eth0 netns pod-blue
IP
ip -n main -batch - <<'IP'
link set lo up
link set eth0 up
addr add 198.51.100.1/24 dev eth0
addr add 2001:db8:1::1/64 dev eth0 nodad
IP
for side in red blue; do
  ip -n $side -batch - <<'IP'
link set lo up
link set eth0 up
addr add 192.0.2.2/24 dev eth0
addr add 10.0.0.9/32 dev lo
addr add 2001:db8:2::2/64 dev eth0 nodad
addr add 2001:db8:9::9/128 dev lo nodad
route add default via 192.0.2.1
route add default via 2001:db8:2::1
IP
  [ $side = red ] && pod=10.128.0.5 || pod=10.128.0.6
  ip -n pod-$side -batch - <<IP
link set eth0 up
addr add $pod/32 dev eth0
route add default dev eth0
IP
done
# to-red and the bond have what must survive that they go into a VRF and come out of it.
ip -batch - <<'IP'
link add bond1 type bond mode active-backup miimon 100
link add bond2 type bond mode active-backup
link add bond1a type veth peer name bond1x
link add bond1b type veth peer name bond1y
link set bond1a master bond1
link set bond1b master bond1
link set bond1x up
link set bond1y up
link set bond1 up
addr add 192.0.3.1/24 dev bond1
addr add 2001:db8:3::1/64 dev bond1 nodad
route add 203.0.114.0/24 via 192.0.3.2 dev bond1
link set to-main up
link set to-red up
link set to-blue up
link set pod-red up
link set pod-blue up
addr add 198.51.100.2/24 dev to-main
addr add 2001:db8:1::2/64 dev to-main nodad
addr add 2001:db8:2::1/64 dev to-red nodad
addr add fe80::1/64 dev to-red nodad
addr add 192.0.2.1/24 dev to-red
neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev to-red
neigh add 2001:db8:2::77 lladdr 02:00:00:00:00:77 dev to-red
neigh add proxy 192.0.2.78 dev to-red
neigh add proxy 2001:db8:2::78 dev to-red
nexthop add id 77 via 192.0.2.2 dev to-red
nexthop add id 78 via 2001:db8:2::2 dev to-red
nexthop add id 79 via 192.0.3.2 dev bond1
nexthop add id 80 group 77/79,3
nexthop add id 81 via 198.51.100.1 dev to-main
nexthop add id 82 group 77/81 type resilient buckets 8 idle_timer 60
route add default via 198.51.100.1
route add default via 2001:db8:1::1
route add 203.0.113.0/24 via 192.0.2.2 dev to-red
route add 2001:db8:9::/64 via 2001:db8:2::2 dev to-red
route add 203.0.115.0/24 nhid 80
route add 2001:db8:a::/64 nhid 78
route add 203.0.116.0/24 via 192.0.2.2 dev to-red realm 7 rto_min 40ms
route add 10.128.0.5/32 dev pod-red
route add 10.128.0.6/32 dev pod-blue
IP
for pod in pod-red pod-blue; do
  echo 1 >/proc/sys/net/ipv4/conf/$pod/proxy_arp
  echo 1 >/proc/sys/net/ipv4/conf/$pod/forwarding
done
echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter

state() {
  ip -d link | sed 's/ *gc_timer.*//'
  ip -d addr
  ip neigh show nud permanent
  ip neigh show proxy | sort
  ip -d nexthop | sed 's/ unbalanced_time [0-9.]*//'
  # Which of two links comes first with the same prefix is nobody's to say.
  ip rule; ip -6 rule; ip -d -4 route show table all; ip -d -6 route show table all | sort
  (cd /proc/sys/net && grep -s '' ipv[46]/conf/*/{forwarding,rp_filter,accept_ra,disable_ipv6,autoconf} ipv4/tcp_l3mdev_accept)
}
put() { cat >"$w/new" && mv "$w/new" "$w/conf/$1.yaml"; }

mkdir "$w/conf"
speaker() { # COMMAND THAT PROBES
  put speaker <<YAML
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec:
  labels: {vrf: "true"}
  routerID: 10.0.0.1
  stateDir: $w/state
  drain: {wait: 0s, onShutdown: false}
  network:
    rollback: 8s
    tcpL3mdevAccept: true
    interfaces: [{name: to-main, forwarding: true, rpFilter: "off"}]
YAML
}
vrf() { # NAME TABLE PORTS POD
  put $1 <<YAML
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: $1}
spec:
  nodeSelector: {vrf: "true"}
  maxUnavailable: 3
  desiredState:
    interfaces:
    - {name: $1, type: vrf, state: up, vrf: {port: [$3], route-table-id: $2}}
    - name: to-$1
      type: ethernet
      state: up
      ipv4: {enabled: true, dhcp: false, address: [{ip: 192.0.2.1, prefix-length: 24}]}
$5
    routes:
      config:
      - {destination: 0.0.0.0/0, metric: 150, next-hop-address: 192.0.2.2, next-hop-interface: to-$1, table-id: $2}
      - {destination: "::/0", metric: 150, next-hop-address: "2001:db8:2::2", next-hop-interface: to-$1, table-id: $2}
    route-rules:
      config:
      - {ip-to: 172.30.0.0/16, priority: 998, route-table: 254}
      - {ip-to: 10.128.0.0/14, priority: 998, route-table: 254}
      - {ip-to: 169.254.0.0/17, priority: 998, route-table: 254}
      - {ip-from: 10.128.0.$4/32, priority: 5000, route-table: $2}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: $1}
spec: {myASN: 65001, peerASN: 65002, peerAddress: 192.0.2.2, vrf: $1}
YAML
}
speaker
# Addresses are verified first, which takes a second or two.
await '[ -z "$(ip -6 -o address show tentative)" ]'
state >"$w/before"
vrf red 2 'to-red, red-extra, bond1' 5 '    - {name: bond1, type: bond, state: up, mtu: 1400, link-aggregation: {mode: active-backup, port: [bond1a, bond1b]}}
    - {name: red-extra.7, type: vlan, state: up, vlan: {base-iface: red-extra, id: 7}}
    - {name: red-extra, type: dummy, state: up, mtu: 1400}'
vrf blue 3 'to-blue' 6 '      ipv6: {enabled: true, address: [{ip: "2001:db8:2::1", prefix-length: 64}]}'

for side in red blue; do
  cat >"$w/$side.conf" <<'BIRD'
router id 2.2.2.2;
protocol device {}
protocol bgp node {
  local 192.0.2.2 as 65002; neighbor 192.0.2.1 as 65001; passive on; error wait time 1, 2;
  ipv4 { import all; export none; };
}
BIRD
  ip netns exec $side bird -f -c "$w/$side.conf" -s "$w/$side.ctl" -P "$w/$side.pid" >"$w/$side.log" 2>&1 &
done
start "$w/conf"
until_says show/config '"policy": *"red", *"state": *"applied"'
until_says show/config '"policy": *"blue", *"state": *"applied"'
for name in red blue; do until_says "show/peers?peer=$name" '"state": *"Established"'; done
echo "peers $(ask show/peers)"
echo "vrfs $(ask show/vrfs)"
for table in 2 3; do
  echo "table$table-4 $(ip -j route show table $table)"
  echo "table$table-6 $(ip -j -6 route show table $table)"
done
echo "main $(ip -j route show)"
echo "links $(ip -j -d link)"
echo "neighbours $(ip -j neigh show nud permanent dev to-red)"
echo "proxies $(ip -j neigh show proxy dev to-red)"
echo "nexthops $(ip -j nexthop)"
echo "local $(ip -j -6 addr show scope link dev to-red)"
echo "rules $(ip -j rule)"
for f in to-main/forwarding to-main/rp_filter to-red/forwarding to-red/rp_filter red/rp_filter pod-red/rp_filter lo/forwarding; do
  echo "sysctl-$f $(</proc/sys/net/ipv4/conf/$f)"
done
reach() { ip netns exec "$@" >/dev/null 2>&1 && echo true || echo false; }
# The same client address on both sides: an answer can only come back by the VRF that the request came by.
for side in red blue; do
  [ $side = red ] && pod=10.128.0.5 || pod=10.128.0.6
  echo "node-$side $(reach $side ping -c 1 -W 2 -I 10.0.0.9 192.0.2.1)"
  echo "pod-$side $(reach $side ping -c 1 -W 2 -I 10.0.0.9 $pod)"
  echo "node6-$side $(reach $side ping -c 1 -W 2 -I 2001:db8:9::9 2001:db8:2::1)"
done
# Red's own pod is reached by red's return route, and by no other: from blue the answer goes to red.
echo "crossed $(reach blue ping -c 1 -W 1 -I 10.0.0.9 10.128.0.5)"
# A VRF's table ends: nothing of it is looked up in the main table.
echo "leak $(ip vrf exec red ping -c 1 -W 1 198.51.100.1 >/dev/null 2>&1 && echo true || echo false)"

# Applied twice: by a reload that changes nothing, and by another process.
ip -o monitor link address route rule >"$w/monitor" 2>&1 & monitor=$!
pause 0.5
echo '# nothing new' >>"$w/conf/red.yaml"
kill -KILL $daemon; wait $daemon 2>/dev/null
start "$w/conf"
until_says show/config '"policy": *"blue", *"state": *"applied"'
curl -s -X POST --unix-socket "$w/control" http://waypost/reload >/dev/null
pause 0.5
kill $monitor
echo "again $(grep -vc '^$' "$w/monitor")"
for name in red blue; do until_says "show/peers?peer=$name" '"state": *"Established"'; done

# A bond's mode is nobody's to change.
put bond <<'YAML'
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: bond}
spec:
  desiredState:
    interfaces:
    - {name: bond2, type: bond, state: up, link-aggregation: {mode: balance-rr}}
YAML
until_says show/config '"policy": *"bond", *"state": *"waiting", *"reason": *"([^"]*)'
echo "bond ${BASH_REMATCH[1]}"
rm "$w/conf/bond.yaml"

# A policy that takes the default gateway away is taken back.
state >"$w/with"
put cut <<'YAML'
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: cut}
spec:
  desiredState:
    interfaces:
    - {name: green, type: vrf, state: up, vrf: {port: [to-main], route-table-id: 4}}
YAML
until_says show/config '"policy": *"cut", *"state": *"confirming"'
echo "cut $(ip -j route show default)"
until_says show/config '"policy": *"cut", *"state": *"failed"'
echo "gateway $(ping -c 1 -W 2 198.51.100.1 >/dev/null 2>&1 && echo true || echo false)"
echo "cut-vrfs $(ask show/vrfs)"
echo "cut-log $(grep '"taken back\|was taken back' "$w/run.log" | tail -1)"
pause 2 # duplicate address detection
state >"$w/after"
diff "$w/with" "$w/after" | sed 's/^/after-cut /'

# Killed in the middle, and started again with a policy that will not be confirmed.
rm "$w/conf/cut.yaml"
put middle <<'YAML'
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: middle, annotations: {waypost.dev/probe: sleep 100}}
spec:
  desiredState:
    interfaces:
    - {name: yellow, type: vrf, state: up, vrf: {port: [red-extra], route-table-id: 5}}
    - {name: red, type: vrf, vrf: {port: [to-red]}}
YAML
rm "$w/conf/red.yaml"
until_says show/config '"policy": *"middle", *"state": *"confirming"'
kill -KILL $daemon; wait $daemon 2>/dev/null
echo "middle-master $(ip -j link show to-red)"
rm "$w/conf/middle.yaml"
vrf red 2 'to-red, red-extra, bond1' 5 '    - {name: bond1, type: bond, state: up, mtu: 1400, link-aggregation: {mode: active-backup, port: [bond1a, bond1b]}}
    - {name: red-extra.7, type: vlan, state: up, vlan: {base-iface: red-extra, id: 7}}
    - {name: red-extra, type: dummy, state: up, mtu: 1400}'
start "$w/conf"
until_says show/config '"policy": *"red", *"state": *"applied"'
pause 2
state >"$w/after"
# What was made anew has other numbers and hardware addresses.
for f in with after; do
  sed 's/^[0-9]*: //; s/@if[0-9]*//' "$w/$f" | grep -v 'link/ether\|fe80::' >"$w/$f.named"
done
diff "$w/with.named" "$w/after.named" | sed 's/^/after-kill /'
echo "kill-log $(grep -c 'was interrupted: taking it back' "$w/run.log")"

# Without the documents the node is as it was.
confirmations() { grep -c 'is confirmed' "$w/run.log"; }
until_confirmed() { await "[ \$(confirmations) -ge $1 ]"; } # COUNT
count=$(confirmations)
put speaker <<YAML
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec: {routerID: 10.0.0.1, stateDir: $w/state, labels: {vrf: "true"}, network: {rollback: 8s}}
YAML
until_confirmed $((count + 1))
rm "$w/conf/red.yaml"
until_confirmed $((count + 2))
rm "$w/conf/blue.yaml"
until_confirmed $((count + 3))
pause 2.5
state >"$w/after"
diff "$w/before" "$w/after" | sed 's/^/after-all /'
echo "lines $(wc -l <"$w/before")"
kill $daemon
[ ! -s "$w/state/network.json" ] && echo "no journal" >&2
exit 0
