import { expect, it } from 'vitest';
import { Column } from '../../src/lib/column.ts';

const kinds = [
  { name: '8', make: () => new Column(Uint8Array), octets: 1 },
  { name: '16', make: () => new Column(Uint16Array), octets: 2 },
  { name: '32', make: () => new Column(Uint32Array), octets: 4 },
] as const;

it.each(kinds)(
  'of $name bits: keeps every number through growth, and is 0 where nobody set one',
  ({ make, octets }) => {
    const column = make();
    const most = 2 ** (8 * octets) - 1;
    const N = 300_000;
    const mixed = (id: number): number => (Math.imul(id + 1, 0x9e3779b1) >>> 0) % (most + 1);
    for (let id = 0; id < N; id++) {
      column.room(id);
      if (column.get(id) !== 0) expect.fail(`${id} was ${column.get(id)}`);
      column.set(id, mixed(id));
    }
    for (let id = 0; id < N; id++) if (column.get(id) !== mixed(id)) expect.fail(`${id} is ${column.get(id)}`);
    column.set(5, most);
    expect(column.get(5)).toBe(most);
    column.clear();
    for (let id = 0; id < column.capacity; id++) if (column.get(id) !== 0) expect.fail(`${id} is ${column.get(id)}`);
  },
);

it.each(kinds)('of $name bits: has room for any id, in whatever order they come', ({ make }) => {
  const column = make();
  for (const id of [70_000, 3, 500_000, 65_535, 65_536, 0, 131_071]) {
    column.room(id);
    expect(column.capacity).toBeGreaterThan(id);
    column.set(id, 7);
    expect(column.get(id)).toBe(7);
  }
  expect(column.get(499_999)).toBe(0);
});

it('is small when there is little in it, and never has much more room than is needed', () => {
  const column = new Column(Uint32Array);
  expect(column.byteLength).toBe(256);
  column.room(1_000);
  expect(column.byteLength).toBe(4_096);
  for (let id = 0; id < 400_000; id += 1_000) column.room(id);
  expect(column.byteLength).toBeLessThanOrEqual(4 * (400_000 + 2 * 65_536));
});

it('does not copy what is there once there is much', () => {
  const column = new Column(Uint32Array);
  column.room(65_535);
  const first = Reflect.get(column, 'pieces')[0];
  for (let id = 65_536; id < 400_000; id++) column.room(id);
  expect(Reflect.get(column, 'pieces')[0]).toBe(first);
});

it('gets its next piece at another id than those beside it', () => {
  const columns = Array.from({ length: 16 }, () => new Column(Uint32Array));
  let most = 0;
  for (let id = 0; id < 300_000; id++) {
    const before = columns.reduce((n, column) => n + column.capacity, 0);
    for (const column of columns) column.room(id);
    if (id >= 65_536) most = Math.max(most, columns.reduce((n, column) => n + column.capacity, 0) - before);
  }
  expect(most).toBe(65_536);
});
