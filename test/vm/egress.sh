#!/bin/bash
# Inside the VM: two VRFs, red and blue, behind each a client with the same address, and a pod for each in the default VRF.
# Prints what the daemon says of the ways, a JSON a line, and which pods clients reach: with all rules, without those
# before the rule of VRFs, and without EgressServices.
set -eu
w=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
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
  ip route add default via 192.0.2.2 table $table
  ip -6 route add default via 2001:db8:2::2 table $table
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
rules() { for f in '-4 rule % to 10.244.0.0/16' '-6 rule % to fd00:244::/32'; do ip ${f/\%/$1} lookup main priority 998; done; }
rules add

walk() { # STAGE VRF CLIENT
  echo "$* $(curl -s --unix-socket "$w/control" "http://daemon/walk?service=default/$2&client=$3&mark=0")"
}
# A pod refuses the connection, which it can do only when both ways work.
reach() { # STAGE VRF ADDRESS
  said=$(ip netns exec client-$2 timeout 1 bash -c "exec 3<>/dev/tcp/$3/9" 2>&1 || true)
  case $said in *refused*) echo "$* reached" ;; *) echo "$* silence" ;; esac
}
await() { # COMMAND
  for _ in $(seq 200); do eval "$1" && return; sleep 0.1; done
  echo "in vain: $1" >&2
  cat "$w/run.log" >&2
}

node bin/waypost run -c "$w/all.yaml" --control "$w/control" --http off >"$w/run.log" 2>&1 &
await 'ip rule | grep -q 5000: && ip -6 rule | grep -q 5000:'
for vrf in red blue; do for client in 198.51.100.7 2001:db8:2::2; do walk whole $vrf $client; done; done
reach whole red 10.244.5.5
reach whole red fd00:244:5::5
reach whole red 10.244.6.5
reach whole blue 10.244.6.5
rules del
walk caught red 198.51.100.7
reach caught red 10.244.5.5
rules add
cp "$w/bare" "$w/new" && mv "$w/new" "$w/all.yaml"
await '! ip rule | grep -q 5000:'
walk bare red 198.51.100.7
reach bare red 10.244.5.5
