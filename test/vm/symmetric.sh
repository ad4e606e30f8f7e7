#!/bin/bash
# Inside the VM: the published procedure for symmetric routing, twice on one node. Two VRFs, red and blue, are made by
# policies; behind each is a router (FRR) at 192.0.2.2 and a client at 198.51.100.7, and each has a Service with a pod in
# the default VRF. Then the published example of overlays: a router (FRR) with VRFs red and blue of its own, a session of
# the node to each, and a host in each overlay; plain links stand for the fabric between them.
# Prints what the daemon, the kernel, the routers and the clients say, a line each, and what went over which link.
set -eu
. test/vm/node.sh
chmod 755 "$w"
mkdir "$w/conf"
for f in ipv4/conf/all ipv6/conf/all; do echo 1 >/proc/sys/net/$f/forwarding; done
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter

# Debian's kernel of user-mode Linux has no packet filter of nftables; `npm run test:lab` brings one that has.
modprobe -q nf_tables || true
nft add table inet probe 2>/dev/null && nft delete table inet probe && filter=yes || filter=no
# What kube-proxy does for a Service.
service() { # VIP POD
  if [ $filter = yes ]; then
    local family=ip
    case $1 in *:*) family=ip6 ;; esac
    nft -f - <<NFT
table $family kube { chain pre { type nat hook prerouting priority -100; }; }
add rule $family kube pre $family daddr $1 dnat to $2
NFT
  else
    case $1 in *:*) set -- ip6tables-legacy "$@" ;; *) set -- iptables-legacy "$@" ;; esac
    $1 -t nat -A PREROUTING -d $2 -j DNAT --to-destination $3
  fi
}

# frr NAMESPACE: starts it there, with the configuration of its bgpd from standard input.
frr() {
  local d=$w/frr-$1
  mkdir -p "$d/vty"
  : >"$d/zebra.conf"
  cat >"$d/bgpd.conf"
  chown -R frr:frr "$d"
  ip netns exec $1 /usr/lib/frr/zebra -f "$d/zebra.conf" -i "$d/zebra.pid" --vty_socket "$d/vty" -z "$d/z.sock" -P 0 >"$d/zebra.log" 2>&1 &
  await "[ -S '$d/z.sock' ]"
  ip netns exec $1 /usr/lib/frr/bgpd -f "$d/bgpd.conf" -i "$d/bgpd.pid" -p 179 -z "$d/z.sock" --vty_socket "$d/vty" -P 0 >"$d/bgpd.log" 2>&1 &
}
neighbour() { # ADDRESS AS LINE…
  echo " no bgp ebgp-requires-policy"
  echo " no bgp network import-check"
  echo " neighbor $1 remote-as $2"
  echo " neighbor $1 timers connect 1"
  local a=$1
  shift 2
  printf " neighbor $a %s\n" "$@"
}

table=10
octet=5
for vrf in red blue; do
  for name in router client pod; do ip netns add $name-$vrf; done
  ip -batch - <<IP
link add to-$vrf type veth peer name eth0 netns router-$vrf
link set to-$vrf up
addr add 2001:db8:2::1/64 dev to-$vrf nodad
link add pod-$vrf type veth peer name eth0 netns pod-$vrf
link set pod-$vrf up
addr add 10.244.$octet.1/24 dev pod-$vrf
addr add fd00:244:$octet::1/64 dev pod-$vrf nodad
IP
  ip -n router-$vrf -batch - <<IP
link set lo up
link set eth0 up
addr add 192.0.2.2/24 dev eth0
addr add 2001:db8:2::2/64 dev eth0 nodad
link add eth1 type veth peer name eth0 netns client-$vrf
link set eth1 up
addr add 198.51.100.1/24 dev eth1
addr add 2001:db8:100::1/64 dev eth1 nodad
IP
  ip -n client-$vrf -batch - <<IP
link set eth0 up
addr add 198.51.100.7/24 dev eth0
addr add 2001:db8:100::7/64 dev eth0 nodad
route add default via 198.51.100.1
route add default via 2001:db8:100::1
IP
  ip -n pod-$vrf -batch - <<IP
link set lo up
link set eth0 up
addr add 10.244.$octet.5/24 dev eth0
addr add fd00:244:$octet::5/64 dev eth0 nodad
route add default via 10.244.$octet.1
route add default via fd00:244:$octet::1
IP
  ip netns exec router-$vrf bash -c 'for f in ipv4 ipv6; do echo 1 >/proc/sys/net/$f/conf/all/forwarding; done'
  service 203.0.113.$octet 10.244.$octet.5
  service 2001:db8:113::$octet fd00:244:$octet::5
  if [ $vrf = red ]; then
    how=('passive' 'password crimson') passive=false password=', password: crimson'
  else
    how=('timers 30 90') passive=true password=
  fi
  frr router-$vrf <<FRR
router bgp 65002
 bgp router-id 2.2.2.$table
$(neighbour 192.0.2.1 65001 "${how[@]}")
 address-family ipv4 unicast
  network 198.51.100.0/24
  network 198.18.$table.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor 192.0.2.1 activate
  network 2001:db8:100::/64
  network 2001:db8:$table::/48
 exit-address-family
FRR
  rules="
    route-rules:
      config:
      - {ip-to: 172.30.0.0/16, priority: 998, route-table: 254}
      - {ip-to: 10.244.0.0/16, priority: 998, route-table: 254}
      - {ip-to: \"fd00:244::/32\", priority: 998, route-table: 254}
      - {ip-to: 169.254.0.0/17, priority: 998, route-table: 254}"
  cat >"$w/$vrf.policy" <<YAML
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: $vrf}
spec:
  nodeSelector: {vrf: "true"}
  maxUnavailable: 2
  desiredState:
    interfaces:
    - {name: $vrf, type: vrf, state: up, vrf: {port: [to-$vrf], route-table-id: $table}}
    - name: to-$vrf
      type: ethernet
      state: up
      ipv4: {enabled: true, dhcp: false, address: [{ip: 192.0.2.1, prefix-length: 24}]}
YAML
  { cat "$w/$vrf.policy"; echo "$rules"; } >"$w/conf/$vrf-policy.yaml"
  # With the Service's own source address one node carries it, and announces it by its label.
  if [ $filter = yes ]; then
    source=LoadBalancerIP
    where=", nodeSelectors: [{matchLabels: {egress-service.k8s.ovn.org/default-$vrf: \"\"}}]"
  else
    source=Network where=
  fi
  cat >"$w/conf/$vrf-egress.yaml" <<YAML
apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: $vrf}
spec: {sourceIPBy: $source, network: "$table"}
YAML
  cat >"$w/conf/$vrf.yaml" <<YAML
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: $vrf, annotations: {waypost.dev/passive: "$passive"}}
spec: {myASN: 65001, peerASN: 65002, peerAddress: 192.0.2.2, vrf: $vrf, dualStackAddressFamily: true$password}
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
spec: {addresses: [203.0.113.$octet/32, "2001:db8:113::$octet/128"]}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: $vrf}
spec: {ipAddressPools: [$vrf], peers: [$vrf]$where}
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
  table=$((table + 10))
  octet=$((octet + 1))
done
cat >"$w/conf/speaker.yaml" <<YAML
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec:
  labels: {vrf: "true"}
  routerID: 10.0.0.1
  stateDir: $w/state
  listen: {addresses: [192.0.2.1], port: 179}
  drain: {wait: 0s}
YAML
# Nobody but the VRFs has 192.0.2.1: the listener of the default VRF must not be needed for the others.
ip addr add 192.0.2.1/32 dev lo

walk() { # STAGE VRF CLIENT
  echo "walk $* $(ask "walk?service=default/$2&client=$3&mark=0")"
}
# Who is asked refuses the connection, which he can do only when both ways work.
reach() { # STAGE NAMESPACE ADDRESS PORT [SECONDS]
  local said
  said=$(ip netns exec $2 timeout "${5:-1}" bash -c "exec 3<>/dev/tcp/$3/$4" 2>&1 || true)
  case $said in *refused*) echo "reach $1 $2 $3 yes" ;; *) echo "reach $1 $2 $3 no" ;; esac
}
bgp() { echo $(ip -n $1 $2 route show "${@:3}" proto bgp); } # NAMESPACE FAMILY [table NUMBER]

tcpdump -lnni any 'tcp portrange 1-40' >"$w/links" 2>/dev/null & listener=$!
start "$w/conf"
until_says show/routes '("state": *"installed".*){8}'
await '[[ $(ip rule; ip -6 rule) == *5000:*5000:*5000:*5000:* ]]'
for vrf in red blue; do await "[[ \$(bgp router-$vrf -4)\$(bgp router-$vrf -6) == *203.0.113.*2001:db8:113::* ]]"; done
echo "filter $filter"
for what in peers advertised received routes vrfs; do echo "$what $(ask show/$what)"; done
for vrf in red blue; do echo "router-$vrf $(bgp router-$vrf -4) $(bgp router-$vrf -6)"; done
for table in main 10 20; do
  for family in -4 -6; do echo "table-$table$family $(ip -j $family route show table $table)"; done
done
for vrf in red blue; do for client in 198.51.100.7 2001:db8:100::7; do walk whole $vrf $client; done; done
reach whole client-red 203.0.113.5 1 20
reach whole client-red 2001:db8:113::5 2 20
reach whole client-blue 203.0.113.6 3 20
reach whole client-blue 2001:db8:113::6 4 20
# Who comes in by red for blue's Service is answered by blue, where another client has his address.
ip -n router-red route add 203.0.113.6 via 192.0.2.1
reach whole client-red 203.0.113.6 5 5
# What pods begin themselves. Routers must know their own addresses where the Service's does not stand for them.
for way in 'red 5' 'blue 6'; do
  read -r vrf octet <<<"$way"
  [ $filter = yes ] || ip -n router-$vrf -batch - <<IP
route add 10.244.$octet.0/24 via 192.0.2.1
route add fd00:244:$octet::/64 via 2001:db8:2::1
IP
done
reach begun pod-red 198.51.100.7 21 20
reach begun pod-red 2001:db8:100::7 22 20
reach begun pod-blue 198.51.100.7 23 20
reach begun pod-blue 2001:db8:100::7 24 20
reach inside pod-red 10.244.6.5 25 20
reach inside pod-red fd00:244:6::5 26 20

# Without the rules before that of VRFs, and without EgressServices.
cp "$w/red.policy" "$w/new" && mv "$w/new" "$w/conf/red-policy.yaml"
cp "$w/blue.policy" "$w/new" && mv "$w/new" "$w/conf/blue-policy.yaml"
await '[[ $(ip rule) != *998:* ]]'
walk caught red 198.51.100.7
reach caught client-red 203.0.113.5 6
until_says show/config '("state": *"applied".*){2}'
rm "$w"/conf/*-egress.yaml
for vrf in red blue; do
  { cat "$w/$vrf.policy"; echo "$rules"; } >"$w/new" && mv "$w/new" "$w/conf/$vrf-policy.yaml"
  sed 's/, nodeSelectors: .*\]//' "$w/conf/$vrf.yaml" >"$w/new" && mv "$w/new" "$w/conf/$vrf.yaml"
done
await '[[ $(ip rule) == *998:* && $(ip rule) != *5000:* && $(bgp router-red -4) == *203.0.113.5* ]]'
walk bare red 198.51.100.7
reach bare client-red 203.0.113.5 7 5

# Red imports: what blue has learned, but for what red has itself, and what blue tells.
cat >"$w/new" <<YAML
apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: imports}
spec:
  bgp:
    routers:
    - {asn: 65001, vrf: blue, prefixes: [192.88.99.0/24]}
    - asn: 65001
      vrf: red
      imports: [{vrf: blue}]
      neighbors: [{address: 192.0.2.2, asn: 65002, toAdvertise: {allowed: {mode: all}}}]
YAML
mv "$w/new" "$w/conf/imports.yaml"
await '[[ $(ip route show table 10) == *198.18.20.0/24* && $(ip -6 route show table 10) == *2001:db8:20::/48* ]]'
await '[[ $(bgp router-red -4) == *192.88.99.0/24* ]]'
until_says show/routes '198\.18\.20\.0/24.*198\.18\.20\.0/24'
for family in -4 -6; do echo "imported$family $(ip -j $family route show table 10 proto bgp)"; done
echo "imported-get $(ip -j route get vrf red 198.18.20.1)"
echo "imported-routes $(ask show/routes)"
rm "$w/conf/imports.yaml"
await '[[ $(ip route show table 10) != *198.18.20.0/24* && $(ip -6 route show table 10) != *2001:db8:20::/48* ]]'
await '[[ $(bgp router-red -4) != *192.88.99.0/24* ]]'
for family in -4 -6; do echo "unimported$family $(ip -j $family route show table 10 proto bgp)"; done

# The overlays. The router's addresses and AS numbers are as published.
ip netns add pe
ip -n pe link set lo up
side=0
for vrf in red blue; do
  ip netns add host-$vrf
  ip -n pe -batch - <<IP
link add $vrf type vrf table 10$side
link set $vrf up
route add blackhole default metric 4000 table 10$side
link add host-$vrf type veth peer name pe-$vrf
link set host-$vrf master $vrf
link set host-$vrf up
addr add 192.169.1$side.1/24 dev host-$vrf
link add lan-$vrf type veth peer name eth0 netns host-$vrf
link set lan-$vrf master $vrf
link set lan-$vrf up
addr add 192.168.2$side.1/24 dev lan-$vrf
link set pe-$vrf netns 1
IP
  ip -batch - <<IP
link set pe-$vrf up
addr add 192.169.1$side.2/24 dev pe-$vrf
addr add 172.30.$side.10/32 dev lo
IP
  ip -n host-$vrf -batch - <<IP
link set eth0 up
addr add 192.168.2$side.2/24 dev eth0
route add default via 192.168.2$side.1
IP
  side=$((side + 1))
done
ip netns exec pe bash -c 'echo 1 >/proc/sys/net/ipv4/conf/all/forwarding'
frr pe <<FRR
router bgp 64514 vrf red
$(neighbour 192.169.10.2 64515)
 address-family ipv4 unicast
  network 192.168.20.0/24
 exit-address-family
exit
router bgp 64514 vrf blue
$(neighbour 192.169.11.2 64515)
 address-family ipv4 unicast
  network 192.168.21.0/24
 exit-address-family
exit
FRR
{
  for part in vni peers advertisements pools receive; do
    cat fixtures/config/seed-002-$part.yaml
    echo ---
  done
  for vrf in red blue; do
    cat <<YAML
apiVersion: v1
kind: Service
metadata: {name: nginx-service-$vrf, namespace: $vrf}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
YAML
  done
} >"$w/overlays.yaml"
rm "$w"/conf/{red,blue}*.yaml
mv "$w/overlays.yaml" "$w/conf/"
until_says show/routes '192\.168\.2[01]\.0/24.*192\.168\.2[01]\.0/24'
await '[[ $(bgp pe -4 table 100) == *172.30.0.10* && $(bgp pe -4 table 101) == *172.30.1.10* ]]'
echo "overlay-peers $(ask show/peers)"
echo "overlay-routes $(ask show/routes)"
echo "overlay-main $(ip -j route show)"
echo "overlay-links $(ip -j link show type vrf)"
for vrf in red blue; do echo "pe-$vrf $(ip -j -n pe route show vrf $vrf proto bgp)"; done
reach overlay host-red 172.30.0.10 31 20
reach overlay host-blue 172.30.0.10 32 2
reach overlay host-blue 172.30.1.10 33 20
reach overlay host-red 172.30.1.10 34 2
pause 0.5
kill $listener
# TIME LINK In|Out IP|IP6 FROM > TO: Flags …: what waits for an address has no line with another port.
sed -nE 's/^[^ ]+ +([^ ]+) +(In|Out) +IP6? ([^ ]+) > ([^ ]+): Flags \[([^]]+)\].*/link \1 \2 \3 \4 \5/p' "$w/links"
