import { expect, it } from 'vitest';
import { prefix } from '../../src/lib/prefix.ts';
import { PrefixTable } from '../../src/lib/table.ts';
import { RouteBatch } from '../../src/netlink/batch.ts';
import { HopSets } from '../../src/vrf/hopset.ts';
import { FakeKernel } from '../support/kernel.ts';

const [ENETUNREACH, ENOBUFS] = [101, 105];

it('an answer that is lost may have been one to the batch behind', () => {
  const kernel = new FakeKernel();
  kernel.refuse = (_, { destination }) => (destination.bytes[1] === 1 ? ENETUNREACH : undefined);
  const socket = kernel.socket();
  const sets = new HopSets({ family: 4, table: 100, protocol: 186, metric: 20 });
  const set = sets.retain([{ link: 7 }]);
  const prefixes = new PrefixTable(4);
  const batch = (after: RouteBatch | undefined, ...texts: string[]) => {
    const made = new RouteBatch(10, 1 << 12);
    made.clear(after);
    for (const text of texts) made.push(sets.addition(set), prefixes, prefixes.add(prefix(text)), set);
    socket.send(made.finish());
    return made;
  };
  const first = batch(undefined, '10.0.0.0/16');
  const second = batch(first, '10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16');
  // The kernel tells once that it has dropped something: here what it said of 10.1.0.0/16.
  const said = [socket.receive()!, socket.receive()!, socket.receive()!];
  const script = ['overrun' as const, said[0]!, said[2]!];
  const transport = { portId: socket.portId, receive: () => script.shift() };
  const failures: [number, number][] = [];
  const failed = (index: number, errno: number) => void failures.push([index, errno]);
  expect([first.collect(transport, failed), failures]).toEqual([false, []]);
  expect([second.collect(transport, failed, true), failures]).toEqual([
    true,
    [
      [0, ENOBUFS],
      [1, ENOBUFS],
    ],
  ]);
});

it('an answer that cannot be read is as good as lost', () => {
  const kernel = new FakeKernel();
  const socket = kernel.socket();
  const sets = new HopSets({ family: 4, table: 100, protocol: 186, metric: 20 });
  const set = sets.retain([{ link: 7 }]);
  const prefixes = new PrefixTable(4);
  const batch = new RouteBatch(10, 1 << 12);
  for (const text of ['10.0.0.0/16', '10.1.0.0/16'])
    batch.push(sets.addition(set), prefixes, prefixes.add(prefix(text)), set);
  socket.send(batch.finish());
  const said = socket.receive() as Uint8Array;
  for (const cut of [said.subarray(0, 18), said.subarray(0, 7)]) {
    const script: (Uint8Array | undefined)[] = [cut, undefined];
    const failures: [number, number][] = [];
    const transport = { portId: socket.portId, receive: () => script.shift() };
    expect(batch.collect(transport, (index, errno) => void failures.push([index, errno]))).toBe(false);
    expect(failures).toEqual([
      [0, ENOBUFS],
      [1, ENOBUFS],
    ]);
  }
});
