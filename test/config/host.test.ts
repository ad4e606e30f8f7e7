/** Addresses as people write them, and what they are told where those are none. */
import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/lib/address.ts';
import { accepted, configure, told } from '../support/config.ts';

const peer = (fields: string): string =>
  `apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: p}\nspec: {myASN: 64512, peerASN: 64513, ${fields}}\n`;
const neighbor = (fields: string): string =>
  `apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: f}\nspec: {bgp: {routers: [{asn: 64512, neighbors: [{asn: 64513, ${fields}}]}]}}\n`;
const said = async (text: string) =>
  (await configure(text)).diagnostics.map(({ message, hint }) => `${message} (${hint})`);

describe('the other end of a session', () => {
  it.each([
    ['::ffff:192.0.2.1', '"::ffff:192.0.2.1": an IPv4 address in the form of IPv6 (write 192.0.2.1)'],
    ['::FFFF:c000:201', '"::FFFF:c000:201": an IPv4 address in the form of IPv6 (write 192.0.2.1)'],
    ['0.0.0.0', '"0.0.0.0": the unspecified address (the address of one host)'],
    ['::', '"::": the unspecified address (the address of one host)'],
    ['224.0.0.5', '"224.0.0.5": a multicast address (the address of one host)'],
    ['ff02::5', '"ff02::5": a multicast address (the address of one host)'],
    ['255.255.255.255', '"255.255.255.255": the broadcast address (the address of one host)'],
    ['2001:db8::1/64', '"2001:db8::1/64" (write the address alone: 2001:db8::1)'],
    ['192.0.2.1/32', '"192.0.2.1/32" (write the address alone: 192.0.2.1)'],
    ['192.0.2.001', '"192.0.2.001" (write 192.0.2.1: a leading zero may mean octal)'],
    [' 192.0.2.1', '" 192.0.2.1" (leave the blanks out)'],
    ['2001:db8::1%eth0', '"2001:db8::1%eth0" (leave the zone, %eth0, out)'],
    ['tor1.example.com', '"tor1.example.com" (names are not looked up: write the address)'],
    ['192.0.2.256', '"192.0.2.256" (undefined)'],
  ])('%j', async (text, message) => {
    expect(await said(peer(`peerAddress: "${text}"`))).toEqual([`invalid BGPPeer address ${message}`]);
    expect(await said(neighbor(`address: "${text}"`))).toEqual([`not an IP address: ${message}`]);
  });

  it.each([
    ['fe80::1', 'give the interface instead of this'],
    ['FE80::1%eth0', 'interface: eth0 instead of this'],
  ])('%s is on some link', async (text, hint) => {
    const message = `a link-local address does not say on which link (${hint})`;
    expect(await said(peer(`peerAddress: "${text}"`))).toEqual([message]);
    expect(await said(neighbor(`address: "${text}"`))).toEqual([message]);
  });

  it('may be in upper case, or on this host', async () => {
    const { peers } = await accepted(peer('peerAddress: "2001:DB8:0::A"'));
    expect(formatAddress(peers[0]!.address!)).toBe('2001:db8::a');
    await accepted(peer('peerAddress: 127.0.0.1'));
    await accepted(peer('peerAddress: "::1"'));
  });
});

it('the address to connect from is one, too', async () => {
  expect(await said(peer('peerAddress: 192.0.2.1, sourceAddress: 0.0.0.0'))).toEqual([
    'invalid source IP "0.0.0.0": the unspecified address (the address of one host)',
  ]);
  expect(await said(peer('peerAddress: 192.0.2.1, sourceAddress: eth0'))).toEqual([
    'invalid source IP "eth0" (the annotation waypost.dev/source-interface names an interface)',
  ]);
  expect((await said(neighbor('address: 192.0.2.1, sourceaddress: "::ffff:192.0.2.9"')))[0]).toMatch(
    /write 192\.0\.2\.9/,
  );
});

describe('addresses of Services', () => {
  const pool =
    'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [10.0.0.0/24]}\n---\n';
  it('are IPv4 in whatever form, as in Kubernetes', async () => {
    const wanting =
      'apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {metallb.io/loadBalancerIPs: "::ffff:10.0.0.4"}}\nspec: {type: LoadBalancer}\n';
    const { request } = (await accepted(pool + wanting)).services.get('default/s')!;
    expect(request.addresses.map(formatAddress)).toEqual(['10.0.0.4']);
    const having =
      'apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: LoadBalancer}\nstatus: {loadBalancer: {ingress: [{ip: "::ffff:10.0.0.4"}]}}\n';
    const { ingress } = (await accepted(pool + having)).services.get('default/s')!;
    expect(ingress.map(({ address }) => formatAddress(address!))).toEqual(['10.0.0.4']);
  });
});

describe('entries of pools', () => {
  it.each([
    ['::ffff:10.0.0.0/120', 'write 10.0.0.0/24'],
    ['::ffff:10.0.0.1-::ffff:10.0.0.9', 'write 10.0.0.1'],
    ['::ffff:10.0.0.1', 'for one address write 10.0.0.1/32'],
    ['010.0.0.0/24', 'write 10.0.0.0/24: a leading zero may mean octal'],
    ['10.0.0.0/24 ', 'leave the blanks out'],
    ['10.0.0.0/24,10.0.1.0/24', 'write each as an entry of its own'],
    ['10.0.0.0\\24', 'write ADDRESS/LENGTH or FIRST-LAST'],
    ['$IP_POOL', 'this looks like a variable: put its value here'],
    ['$MIN-$MAX', 'this looks like a variable: put its value here'],
    ['<pool>', 'this looks like a variable: put its value here'],
  ])('%j', async (entry, hint) => {
    const text = `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [${JSON.stringify(entry)}]}\n`;
    expect((await configure(text)).diagnostics.map((d) => [d.severity, d.hint])).toEqual([['error', hint]]);
  });

  it.each([
    ['224.0.0.0/24', 'multicast'],
    ['::/0', 'multicast'],
    ['127.0.0.1-127.0.0.9', 'loopback'],
    ['FE80::/64', 'link-local'],
    ['169.254.0.0/24', undefined],
    ['192.0.2.0/24', undefined],
  ])('%s: addresses that no Service can have draw a warning', async (entry, kind) => {
    const text = `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: ["${entry}"]}\n`;
    const { configuration, diagnostics } = await configure(text);
    expect(configuration!.pools.size).toBe(1);
    expect(diagnostics.map(({ severity, message }) => [severity, message])).toEqual(
      kind === undefined ? [] : [['warning', `holds ${kind} addresses, which no Service can have`]],
    );
  });
});

it('prefixes and addresses to listen on have no such form either', async () => {
  const speaker = (spec: string) =>
    `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: host}\nspec: {${spec}}\n`;
  expect((await told(speaker('listen: {addresses: ["::ffff:192.0.2.1"]}')))[0]).toMatch(/\(write 192\.0\.2\.1\)$/);
  expect((await told(speaker('kernel: {alwaysBlock: ["::ffff:10.0.0.0/104"]}')))[0]).toMatch(
    /\(write 10\.0\.0\.0\/8\)$/,
  );
});
