import { describe, expect, it } from 'vitest';
import { keepingRouters } from '../../../src/daemon/network/heeding.ts';

/** accept_ra and forwarding of links; what was written, in order. */
function lab(links: Readonly<Record<string, readonly [acceptRa: string, forwarding: string]>>, refused?: string) {
  const values = new Map(
    Object.entries(links).flatMap(([name, [acceptRa, forwarding]]) => [
      [`net/ipv6/conf/${name}/accept_ra`, acceptRa],
      [`net/ipv6/conf/${name}/forwarding`, forwarding],
    ]),
  );
  const written: string[] = [];
  const sysctls = {
    read: (path: string) => values.get(path),
    write: (path: string, value: string) => {
      if (path === refused) throw new Error('refused');
      written.push(`${path.replace('net/ipv6/conf/', '')}=${value}`);
    },
  };
  const set = (path: string, value: string) => keepingRouters(sysctls, () => Object.keys(links), path, value);
  return { written, set };
}
const mixed = { host: ['1', '0'], router: ['1', '1'], heeding: ['2', '0'], deaf: ['0', '0'] } as const;

describe('a link that begins to forward IPv6', () => {
  it('finds those heeding advertisements that did so as hosts, for that moment', () => {
    const { written, set } = lab(mixed);
    set('net/ipv6/conf/eth1/forwarding', '1');
    expect(written).toEqual(['host/accept_ra=2', 'eth1/forwarding=1', 'host/accept_ra=1']);
  });

  it('leaves them as they were where it may not', () => {
    const path = 'net/ipv6/conf/eth1/forwarding';
    const { written, set } = lab(mixed, path);
    expect(() => set(path, '1')).toThrow('refused');
    expect(written).toEqual(['host/accept_ra=2', 'host/accept_ra=1']);
  });
});

it.each([
  ['net/ipv6/conf/eth1/forwarding', '0'],
  ['net/ipv4/conf/eth1/forwarding', '1'],
  ['net/ipv6/conf/eth1/accept_ra', '2'],
])('nobody else hears of %s = %s', (path, value) => {
  const { written, set } = lab(mixed);
  set(path, value);
  expect(written).toEqual([`${path.replace('net/ipv6/conf/', '')}=${value}`]);
});
