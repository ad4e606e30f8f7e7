#!/bin/bash
# Inside the VM: two VRFs, red and blue, with the same addresses in both, a router (BIRD) behind each at 192.0.2.2 that
# announces the same networks and one of its own, a client with the same address in each of them, and one waypost with a
# session to each router, and BFD beside it. Red is dialled, blue calls. Prints what the daemon, the kernel, the routers and the links say,
# a line each.
set -eu
. test/vm/node.sh
mkdir "$w/conf"
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter

ip netns add router-red
ip netns add router-blue
table=10
for vrf in red blue; do
  ip -batch - <<IP
link add $vrf type vrf table $table
link set $vrf up
link add to-$vrf type veth peer name eth0 netns router-$vrf
link set to-$vrf master $vrf
link set to-$vrf up
addr add 192.0.2.1/24 dev to-$vrf
addr add 2001:db8:2::1/64 dev to-$vrf nodad
IP
  ip -n router-$vrf -batch - <<'IP'
link set lo up
link set eth0 up
addr add 192.0.2.2/24 dev eth0
addr add 2001:db8:2::2/64 dev eth0 nodad
addr add 198.51.100.7/32 dev lo
addr add 2001:db8:100::7/128 dev lo nodad
IP
  if [ $vrf = red ]; then
    how='passive on; password "crimson";' passive=false password=', password: crimson'
  else
    how='connect delay time 0; connect retry time 1;' passive=true password=
  fi
  cat >"$w/$vrf.conf" <<BIRD
router id 2.2.2.$table;
protocol device {}
protocol bfd { interface "eth0" { interval 300 ms; multiplier 5; }; }
protocol static { ipv4; route 198.51.100.0/24 blackhole; route 198.18.$table.0/24 blackhole; }
protocol static { ipv6; route 2001:db8:100::/48 blackhole; route 2001:db8:$table::/48 blackhole; }
protocol bgp node {
  local 192.0.2.2 as 65002; neighbor 192.0.2.1 as 65001; error wait time 1, 2; bfd on; $how
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export where source = RTS_STATIC; next hop address 2001:db8:2::2; };
}
BIRD
  cat >"$w/conf/$vrf.yaml" <<YAML
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: $vrf, annotations: {waypost.dev/passive: "$passive"}}
spec: {myASN: 65001, peerASN: 65002, peerAddress: 192.0.2.2, vrf: $vrf, bfdProfile: path, dualStackAddressFamily: true$password}
---
apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: $vrf}
spec:
  bgp:
    routers:
    - {asn: 65001, vrf: $vrf, neighbors: [{address: 192.0.2.2, asn: 65002, toReceive: {allowed: {mode: all}}}]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: $vrf}
spec: {addresses: [203.0.113.$table/32]}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: $vrf}
spec: {ipAddressPools: [$vrf], peers: [$vrf]}
---
apiVersion: v1
kind: Service
metadata: {name: $vrf, annotations: {metallb.io/address-pool: $vrf}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
YAML
  table=$((table + 10))
done
cat >"$w/conf/speaker.yaml" <<YAML
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec: {routerID: 10.0.0.1, stateDir: $w/state, listen: {addresses: [192.0.2.1], port: 179}, drain: {wait: 0s}}
---
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {name: path}
spec: {transmitInterval: 300, receiveInterval: 300, detectMultiplier: 5}
YAML
# Nobody but the VRFs has 192.0.2.1: the listener of the default VRF must not be needed for the others.
ip addr add 192.0.2.1/32 dev lo

for vrf in red blue; do
  ip netns exec router-$vrf bird -f -c "$w/$vrf.conf" -s "$w/$vrf.ctl" -P "$w/$vrf.pid" >"$w/$vrf.log" 2>&1 &
done
tcpdump -lnni any 'icmp or (icmp6 and ip6[40] >= 128 and ip6[40] <= 129)' >"$w/links" 2>/dev/null & listener=$!

start "$w/conf"

router() { birdc -s "$w/$1.ctl" show route protocol node | grep -o '^[0-9a-f.:]*/[0-9]*' | paste -sd' '; }
installed='("state": *"installed".*){8}'
until_says show/routes "$installed"
for vrf in red blue; do await "router $vrf | grep -q 203.0.113."; done
until_says show/bfd '("state": *"Up".*){2}'
for what in bfd peers advertised received routes; do echo "$what $(ask show/$what)"; done
for vrf in red blue; do echo "router-$vrf $(router $vrf)"; done
for vrf in red blue; do echo "bfd-$vrf $(birdc -s "$w/$vrf.ctl" show bfd sessions | awk '$3 == "Up" { print $1, $2, $3 }')"; done
for table in main 10 20; do
  for family in -4 -6; do echo "table-$table$family $(ip -j $family route show table $table)"; done
done
# Clients with the same address: what brings the answer is what was learned.
for vrf in red blue; do
  for way in '198.51.100.7 192.0.2.1' '2001:db8:100::7 2001:db8:2::1'; do
    ip netns exec router-$vrf ping -q -c 1 -W 5 -I $way >/dev/null && echo "reach-$vrf $way"
  done
done
pause 0.5
kill $listener
# TIME LINK In|Out IP|IP6 FROM > TO: ICMP echo request, …. The VRF's own device hears it a second time.
sed -nE 's/^[^ ]+ +(to-[^ ]+) +(In|Out) +IP6? ([^ ]+ > [^ ]+): ICMP6?,? echo (request|reply).*/link \1 \2 \3 \4/p' "$w/links"
