/** Who the members of a cluster are, where, and how they are watched. */
import { describe, expect, it } from 'vitest';
import { retain } from '../../src/config/retain.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { accepted, configure } from '../support/config.ts';

const speakerOf = (membership: string, name = 'host') =>
  `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: ${name}}\nspec:\n  membership: ${membership}\n---\n`;
const nodeOf = (name: string, ...addresses: readonly string[]) =>
  `apiVersion: v1\nkind: Node\nmetadata: {name: ${name}}\nstatus: {addresses: [${addresses.join(', ')}]}\n---\n`;
const internal = (address: string) => `{type: InternalIP, address: "${address}"}`;
const profile = (spec: string) =>
  `apiVersion: metallb.io/v1beta1\nkind: BFDProfile\nmetadata: {name: fast}\nspec: {${spec}}\n---\n`;

const membersOf = async (text: string) =>
  (await accepted(text)).members.map(({ name, address, source, settings }) => [
    ...[name, formatAddress(address), source && formatAddress(source)],
    settings.transmitIntervalMs,
  ]);

describe('with type bfd the other members are watched', () => {
  it('at the addresses that the Speaker gives', async () => {
    const text = speakerOf('{type: bfd, addresses: {host: 192.0.2.1, c: 192.0.2.3, b: 192.0.2.2}}');
    expect(await membersOf(text)).toEqual([
      ['b', '192.0.2.2', '192.0.2.1', 300],
      ['c', '192.0.2.3', '192.0.2.1', 300],
    ]);
  });

  it('at those of their Node documents, InternalIP first, as the profile says', async () => {
    const nodes = [
      nodeOf('host', internal('192.0.2.1')),
      nodeOf('b', '{type: Hostname, address: b}', '{type: ExternalIP, address: 203.0.113.2}', internal('192.0.2.2')),
    ];
    const text = speakerOf('{type: bfd, bfdProfile: fast}') + profile('transmitInterval: 50') + nodes.join('');
    expect(await membersOf(text)).toEqual([['b', '192.0.2.2', '192.0.2.1', 50]]);
  });

  it('in the family that both have, IPv4 if it can be', async () => {
    const both = nodeOf('host', internal('2001:db8::1'), internal('192.0.2.1'));
    const text = (address: string) =>
      speakerOf('{type: bfd}') + both + nodeOf('b', ...address.split(' ').map(internal));
    expect(await membersOf(text('2001:db8::2'))).toEqual([['b', '2001:db8::2', '2001:db8::1', 300]]);
    expect(await membersOf(text('2001:db8::2 192.0.2.2'))).toEqual([['b', '192.0.2.2', '192.0.2.1', 300]]);
  });

  it('where this node has no address of its own in the documents, from the one that the kernel chooses', async () => {
    expect(await membersOf(speakerOf('{type: bfd, addresses: {b: 192.0.2.2}}'))).toEqual([
      ['b', '192.0.2.2', undefined, 300],
    ]);
  });
});

it('without BFD nobody is watched', async () => {
  expect(await membersOf(speakerOf('{nodes: [host, b]}') + nodeOf('b', internal('192.0.2.2')))).toEqual([]);
});

it('a reload without a change keeps the list', async () => {
  const text = speakerOf('{type: bfd, addresses: {b: 192.0.2.2}}');
  const [first, second] = [await accepted(text), await accepted(text)];
  expect(retain(first, second).members).toBe(first.members);
});

it.each([
  ['{addresses: {b: 192.0.2.2}}', 'spec.membership.addresses: has no effect without BFD', 'add type: bfd'],
  ['{bfdProfile: fast}', 'spec.membership.bfdProfile: has no effect without BFD', 'add type: bfd'],
  ['{type: bfd, addresses: {b: 192.0.2}}', 'spec.membership.addresses.b: not an IP address: "192.0.2"', ''],
  ['{type: bfd, addresses: {b: "fe80::1"}}', 'spec.membership.addresses.b: link-local address', 'on a link'],
  [
    '{type: bfd, addresses: {b: 192.0.2.2, c: 192.0.2.2}}',
    'spec.membership.addresses.c: node "b" has the same address',
    '',
  ],
  [
    '{type: bfd, nodes: [host, b], addresses: {c: 192.0.2.3, b: 192.0.2.2}}',
    'addresses.c: node "c" is not in',
    'add it',
  ],
  ['{type: bfd, nodes: [host, b]}', 'spec.membership: no address of node "b" is known', 'status.addresses'],
  ['{type: bfd, addresses: {host: 192.0.2.1, b: "2001:db8::2"}}', 'are of different families', ''],
  ['{type: bfd, bfdProfile: fasst, addresses: {b: 192.0.2.2}}', 'there is no BFDProfile "fasst"', 'fast'],
  ['{type: kubernetes}', 'spec.membership.type: not supported yet', 'static and bfd are'],
])('%s is refused', async (membership, message, hint) => {
  const { configuration, diagnostics } = await configure(speakerOf(membership) + profile(''));
  expect(configuration).toBeUndefined();
  expect(diagnostics.map((d) => `${d.path}: ${d.message}`).join('\n')).toContain(message);
  expect(diagnostics.map((d) => d.hint ?? '').join('\n')).toContain(hint);
  expect(diagnostics.every(({ position }) => position.line === 5)).toBe(true);
});

it('a passive profile is refused: members would wait for each other', async () => {
  const text = speakerOf('{type: bfd, bfdProfile: fast, addresses: {b: 192.0.2.2}}') + profile('passiveMode: true');
  const { configuration, diagnostics } = await configure(text);
  expect(configuration).toBeUndefined();
  expect(diagnostics).toMatchObject([{ path: 'spec.membership.bfdProfile', hint: 'one without passiveMode' }]);
});

it('what another node says of its membership is its own', async () => {
  const { configuration } = await configure(
    speakerOf('{nodes: [host]}') + speakerOf('{type: bfd, nodes: [a, b]}', 'b'),
  );
  expect(configuration?.members).toEqual([]);
});
