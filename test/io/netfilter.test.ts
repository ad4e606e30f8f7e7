import { expect, it } from 'vitest';
import { addressesIn, addressesOfIpvs } from '../../src/io/netfilter.ts';

it('finds every address in a listing of rules', () => {
  const rules = `
table ip kube-proxy {
	map service-ips {
		elements = { 10.96.0.1 . tcp . 443 : goto service-default, 203.0.113.7 . tcp . 80 : goto external-web }
	}
	chain cluster { ip saddr 10.0.0.0/8 ip daddr != 192.0.2.1 counter packets 12 bytes 1.5 }
}
table ip6 nat { chain PREROUTING { ip6 daddr 2001:DB8::7 tcp dport 80 dnat to [fd00::5]:8080 # fe80::1%eth0
	} }`;
  expect([...addressesIn(rules)].sort()).toEqual(
    ['10.96.0.1', '203.0.113.7', '10.0.0.0', '192.0.2.1', '2001:db8::7', 'fd00::5', 'fe80::1'].sort(),
  );
});

it('reads the table of IPVS', () => {
  const table = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  CB007107:0050 rr
  -> 0A000005:1F90      Masq    1      0          0
UDP  [2001:0db8:0000:0000:0000:0000:0000:0007]:0035 rr
FWM  00000001 rr`;
  expect([...addressesOfIpvs(table)]).toEqual(['203.0.113.7', '2001:db8::7']);
});
