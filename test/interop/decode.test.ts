/** Recorded BGP, as other programs record it and read it: tcpdump's captures beside tshark, tables beside bgpdump. */
import { writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { encodeAttributes } from '../../src/bgp/attr.ts';
import { address } from '../../src/lib/address.ts';
import { contextOf } from '../support/bgp.ts';
import { capture } from '../support/capture.ts';
import { Folder, waypost } from '../support/daemon.ts';
import { outcome, run, waitFor } from '../support/process.ts';
import { join, peerIndex, recordOf, ribOf } from '../support/recorded.ts';
import { drivers } from './drivers/all.ts';
import { waypostPeer } from './waypost.ts';
import { device, far, near, wire } from './wire.ts';

const folder = new Folder();
afterAll(() => folder.dispose());
const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('a session with BIRD, captured: the messages that tshark counts, and the routes that both announced', async () => {
  const w = await wire('decode');
  try {
    const shared = { port: 179, holdTimeSec: 90 };
    const bird = drivers.bird({
      ...shared,
      namespace: w.far,
      routerId: '192.0.2.2',
      localAs: 65002,
      peerAs: 65001,
      localAddress: far.ipv4,
      peerAddress: near.ipv4,
      nextHops: far,
      families: ['ipv4', 'ipv6'],
      role: 'listen',
      announce: [{ prefix: '203.0.113.0/24', med: 3, communities: ['65001:3'], largeCommunities: [] }],
    });
    const ours = waypostPeer({
      ...shared,
      namespace: w.near,
      routerId: '192.0.2.1',
      localAs: 65001,
      peerAs: 65002,
      localAddress: near.ipv4,
      peerAddress: far.ipv4,
      role: 'dial',
      attributes: { localPref: 100, med: 7, communities: ['65001:1'], largeCommunities: ['1:2:3'] },
    });
    const packets = await capture(w.near, device, 179);
    await Promise.all([bird.start(), ours.start(['198.51.100.0/24', '2001:db8:100::/48'])]);
    await waitFor('both have all routes', async () => {
      const [theirs, mine] = [await bird.received(), await ours.received()];
      return theirs.length === 2 && mine.length === 1;
    });
    const seen = await packets.fields('bgp', ['bgp.type']);
    const types = seen.flatMap(([list]) => list!);
    const { code, stdout } = await waypost(['decode', packets.file]);
    expect(code).toBe(0);
    const lines = linesOf(stdout);
    const summary = JSON.parse((await waypost(['decode', '--summary', packets.file])).stdout) as {
      messages: Record<string, number>;
    };
    const count = (type: string) => types.filter((t) => t === type).length;
    expect(summary.messages).toMatchObject({ open: count('1'), update: count('2'), keepalive: count('4') });
    expect(count('1')).toBe(2);
    const routes = lines.filter((l) => l.event === 'announce');
    expect(routes.find((l) => l.prefix === '203.0.113.0/24')).toMatchObject({
      from: `${far.ipv4}:179`,
      asPath: [65002],
      med: 3,
      communities: ['65001:3'],
    });
    expect(routes.find((l) => l.prefix === '2001:db8:100::/48')).toMatchObject({
      asPath: [65001],
      largeCommunities: ['1:2:3'],
    });
  } finally {
    await w.close();
  }
});

test('a table of MRT, compressed by bzip2: what bgpdump reads', async () => {
  const nextHop = address('192.0.2.1');
  const entry = (peer: number, asns: readonly number[], med: number) => ({
    peer,
    attributes: encodeAttributes(
      { origin: 'egp', asPath: [{ type: 'sequence', asns }], nextHop, med, communities: [0xfbf00007] },
      'ipv4',
      contextOf(),
    ).block!,
  });
  const file = folder.file('rib.mrt');
  const prefixes = [[24, 203, 0, 113], [9, 10, 128], [0], [32, 198, 51, 100, 7]];
  const records = prefixes.map((nlri, i) =>
    recordOf(13, 2, ribOf(Uint8Array.from(nlri), [entry(0, [64501, 70000 + i], i), entry(1, [70000, 64496], 9)])),
  );
  writeFileSync(file, join(recordOf(13, 1, peerIndex()), ...records));
  const theirs = (await run(['bgpdump', '-m', file]))
    .trimEnd()
    .split('\n')
    .map((line) => line.split('|'));
  await run(['bzip2', file]);
  const { code, stdout } = await waypost(['decode', `${file}.bz2`]);
  expect(code).toBe(0);
  const ours = linesOf(stdout).slice(1);
  expect(
    ours.map((l) => [
      l.from,
      `${l.peerAsn}`,
      l.prefix,
      (l.asPath as number[]).join(' '),
      l.nextHop,
      `${l.med}`,
      (l.communities as string[])[0],
    ]),
  ).toEqual(
    theirs.map(([, , , from, asn, prefix, path, , hop, , med, community]) => [
      from,
      asn,
      prefix,
      path,
      hop,
      med,
      community,
    ]),
  );
  expect(ours.length).toBe(8);
  writeFileSync(`${file}.bz2`, 'BZh9 and then no more');
  expect(await outcome(['node', 'bin/waypost', 'decode', `${file}.bz2`])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/bzip2 data is damaged/),
  });
});
