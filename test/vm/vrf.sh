#!/bin/bash
# Inside the VM: two VRFs, red and blue, with the same addresses in both, a router behind each at 192.0.2.2, and one
# waypost with a session to each. Red is dialled, blue calls. Prints what the daemon and the routers say, a JSON a line.
set -eu
w=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
waypost() { node bin/waypost "$@"; }

table=10
for vrf in red blue; do
  ip link add $vrf type vrf table $table
  ip link set $vrf up
  ip netns add router-$vrf
  ip link add to-$vrf type veth peer name eth0 netns router-$vrf
  ip link set to-$vrf master $vrf
  ip link set to-$vrf up
  ip addr add 192.0.2.1/24 dev to-$vrf
  ip -n router-$vrf link set eth0 up
  ip -n router-$vrf link set lo up
  ip -n router-$vrf addr add 192.0.2.2/24 dev eth0
  table=$((table + 10))
done

cat >"$w/speaker.yaml" <<YAML
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec:
  routerID: 10.0.0.1
  stateDir: $w/state
  listen: {addresses: [192.0.2.1], port: 179}
  drain: {wait: 0s}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: red}
spec: {myASN: 65001, peerASN: 65002, peerAddress: 192.0.2.2, vrf: red, password: crimson}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: blue, annotations: {waypost.dev/passive: "true"}}
spec: {myASN: 65001, peerASN: 65002, peerAddress: 192.0.2.2, vrf: blue}
YAML
for vrf in red blue; do
  [ $vrf = red ] && pool=203.0.113.10/32 || pool=203.0.113.20/32
  cat >>"$w/speaker.yaml" <<YAML
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: $vrf}
spec: {addresses: [$pool]}
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
done

ip netns exec router-red node bin/waypost peer 192.0.2.1 --local-as 65002 --peer-as 65001 --router-id 2.2.2.1 \
  --passive --listen 192.0.2.2:179 --password crimson --announce 198.51.100.0/25 --duration 120 --json >"$w/red.log" &
ip netns exec router-blue node bin/waypost peer 192.0.2.1 --local-as 65002 --peer-as 65001 --router-id 2.2.2.2 \
  --announce 198.51.100.128/25 --duration 120 --json >"$w/blue.log" &
# Nobody but the VRFs has 192.0.2.1: the listener of the default VRF must not be needed for the others.
ip addr add 192.0.2.1/32 dev lo
waypost run -c "$w/speaker.yaml" --control "$w/control" --http off >"$w/run.log" 2>&1 &

for _ in $(seq 60); do
  up=$(waypost show peers --json --control "$w/control" 2>/dev/null | grep -c '"state": "Established"' || true)
  [ "$up" = 2 ] && break
  sleep 1
done
sleep 1
for what in peers advertised received; do
  echo "$what $(waypost show $what --json --control "$w/control" | tr -d '\n')"
done
for vrf in red blue; do echo "router-$vrf [$(grep '"announce"' "$w/$vrf.log" | paste -sd, -)]"; done
[ "$up" = 2 ] || cat "$w/run.log" "$w"/*.log >&2
