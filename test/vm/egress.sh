#!/bin/bash
# Inside the VM: two VRFs, red and blue, behind each a client with the same address, and a pod for each in the default VRF.
# Prints what the daemon says of the ways, a JSON a line, and which pods clients reach: with all rules, without those
# before the rule of VRFs, and without EgressServices. What went over which link is printed at the end.
set -eu
. test/vm/node.sh
for f in ipv4/conf/all ipv6/conf/all; do echo 1 >/proc/sys/net/$f/forwarding; done
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter

cat >"$w/all.yaml" <<YAML
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec: {routerID: 10.0.0.1, stateDir: $w/state, drain: {wait: 0s}}
YAML
table=10
octet=5
for vrf in red blue; do
  ip netns add client-$vrf
  ip netns add pod-$vrf
  ip -batch - <<BATCH
link add $vrf type vrf table $table
link set $vrf up
link add to-$vrf type veth peer name eth0 netns client-$vrf
link set to-$vrf master $vrf up
addr add 192.0.2.1/24 dev to-$vrf
addr add 2001:db8:2::1/64 dev to-$vrf nodad
link add pod-$vrf type veth peer name eth0 netns pod-$vrf
link set pod-$vrf up
addr add 10.244.$octet.1/24 dev pod-$vrf
addr add fd00:244:$octet::1/64 dev pod-$vrf nodad
route add default via 192.0.2.2 table $table
route add default via 2001:db8:2::2 table $table
BATCH
  ip -n client-$vrf -batch - <<BATCH
link set eth0 up
addr add 198.51.100.7/32 dev eth0
addr add 192.0.2.2/24 dev eth0
addr add 2001:db8:2::2/64 dev eth0 nodad
route add default via 192.0.2.1 src 198.51.100.7
route add default via 2001:db8:2::1
BATCH
  ip -n pod-$vrf -batch - <<BATCH
link set lo up
link set eth0 up
addr add 10.244.$octet.5/24 dev eth0
addr add fd00:244:$octet::5/64 dev eth0 nodad
route add default via 10.244.$octet.1
route add default via fd00:244:$octet::1
BATCH
  cat >>"$w/all.yaml" <<YAML
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: $vrf}
spec: {myASN: 65001, peerASN: 65002, peerAddress: 192.0.2.2, vrf: $vrf, dualStackAddressFamily: true}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: $vrf}
spec: {addresses: [203.0.113.$octet/32, "2001:db8:113::$octet/128"]}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: $vrf}
spec: {ipAddressPools: [$vrf], peers: [$vrf]}
---
apiVersion: v1
kind: Service
metadata: {name: $vrf}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.$octet}, {ip: "2001:db8:113::$octet"}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: $vrf, labels: {kubernetes.io/service-name: $vrf}}
endpoints: [{addresses: [10.244.$octet.5, "fd00:244:$octet::5"], nodeName: node-a}]
YAML
  cat >>"$w/egress" <<YAML
---
apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: $vrf}
spec: {sourceIPBy: Network, network: $vrf}
YAML
  table=$((table + 10))
  octet=$((octet + 1))
done
cp "$w/all.yaml" "$w/bare"
cat "$w/egress" >>"$w/all.yaml"
rules() { # add|del
  ip rule $1 to 10.244.0.0/16 lookup main priority 998
  ip -6 rule $1 to fd00:244::/32 lookup main priority 998
}
rules add

walk() { # STAGE VRF CLIENT
  echo "$* $(ask "walk?service=default/$2&client=$3&mark=0")"
}
# A pod refuses the connection, which it can do only when both ways work.
reach() { # STAGE VRF ADDRESS PORT
  local said
  said=$(ip netns exec client-$2 timeout "${5:-1}" bash -c "exec 3<>/dev/tcp/$3/$4" 2>&1 || true)
  case $said in *refused*) echo "$1 $2 $3 reached" ;; *) echo "$1 $2 $3 silence" ;; esac
}

tcpdump -lnni any 'tcp portrange 1-9' >"$w/links" 2>/dev/null & listener=$!
start "$w/all.yaml"
await '[[ $(ip rule; ip -6 rule) == *5000:*5000:*5000:*5000:* ]]'
for vrf in red blue; do for client in 198.51.100.7 2001:db8:2::2; do walk whole $vrf $client; done; done
reach whole red 10.244.5.5 1 20
reach whole red fd00:244:5::5 2 20
reach whole blue 10.244.6.5 3 20
reach whole blue fd00:244:6::5 4 20
reach whole red 10.244.6.5 5
rules del
walk caught red 198.51.100.7
reach caught red 10.244.5.5 6
rules add
cp "$w/bare" "$w/new" && mv "$w/new" "$w/all.yaml"
await '[[ $(ip rule) != *5000:* ]]'
walk bare red 198.51.100.7
reach bare red 10.244.5.5 7
pause 0.5
kill $listener
# TIME LINK In|Out IP|IP6 FROM > TO: Flags …: what waits for an address has no line with another port.
sed -nE 's/^[^ ]+ +([^ ]+) +(In|Out) +IP6? ([^ ]+) > ([^ ]+): Flags \[([^]]+)\].*/link \1 \2 \3 \4 \5/p' "$w/links"
