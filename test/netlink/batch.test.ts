import { expect, it } from 'vitest';
import { prefix } from '../../src/lib/prefix.ts';
import { PrefixTable } from '../../src/lib/table.ts';
import { RouteBatch } from '../../src/netlink/batch.ts';
import { HopSets } from '../../src/vrf/hopset.ts';
import { FakeKernel } from '../support/kernel.ts';

const [ENETUNREACH, ENOBUFS] = [101, 105];

const sets = new HopSets({ family: 4, table: 100, protocol: 186, metric: 20 });
const set = sets.retain([{ link: 7 }]);

function batchOf(...texts: string[]): RouteBatch {
  const prefixes = new PrefixTable(4);
  const batch = new RouteBatch(10, 1 << 12);
  for (const text of texts) batch.push(sets.addition(set), prefixes, prefixes.add(prefix(text)), set);
  return batch;
}

it('answers are taken as they come, and the last one ends it', () => {
  const kernel = new FakeKernel();
  kernel.refuse = (_, { destination }) => (destination.bytes[1] === 1 ? ENETUNREACH : undefined);
  const socket = kernel.socket();
  const batch = batchOf('10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/16');
  socket.send(batch.finish());
  const said = [socket.receive()!, socket.receive()!];
  const script: (Uint8Array | 'overrun' | undefined)[] = [];
  const transport = { portId: socket.portId, receive: () => script.shift() };
  expect(batch.collect(transport)).toBe(false);
  script.push(said[0], undefined);
  expect(batch.collect(transport)).toBe(false);
  script.push(said[1], undefined);
  expect(batch.collect(transport)).toBe(true);
  batch.end();
  expect([...batch.failures]).toEqual([[1, ENETUNREACH]]);
  batch.clear();
  expect(batch.failures.size).toBe(0);
  expect(batch.collect(transport)).toBe(false);
});

it('an answer that is lost may have been one to any message that nothing was heard of', () => {
  const kernel = new FakeKernel();
  kernel.refuse = (_, { destination }) => (destination.bytes[1]! > 0 ? ENETUNREACH : undefined);
  const socket = kernel.socket();
  const batch = batchOf('10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16');
  socket.send(batch.finish());
  const said = [socket.receive()!, socket.receive()!, socket.receive()!];
  const script: (Uint8Array | 'overrun' | undefined)[] = ['overrun', said[0], said[2]];
  expect(batch.collect({ portId: socket.portId, receive: () => script.shift() })).toBe(true);
  batch.end();
  expect([...batch.failures].sort()).toEqual([
    [0, ENOBUFS],
    [1, ENETUNREACH],
    [2, ENOBUFS],
    [3, ENETUNREACH],
  ]);
});

it('an answer that cannot be read is as good as lost', () => {
  const kernel = new FakeKernel();
  const socket = kernel.socket();
  const batch = batchOf('10.0.0.0/16', '10.1.0.0/16');
  socket.send(batch.finish());
  const said = socket.receive() as Uint8Array;
  for (const cut of [said.subarray(0, 18), said.subarray(0, 7)]) {
    const script: (Uint8Array | undefined)[] = [cut, undefined];
    const again = batchOf('10.0.0.0/16', '10.1.0.0/16');
    expect(again.collect({ portId: socket.portId, receive: () => script.shift() })).toBe(false);
    again.end();
    expect([...again.failures]).toEqual([
      [0, ENOBUFS],
      [1, ENOBUFS],
    ]);
  }
});
