/** What a session cannot tell its peer, from what it has sent. */
import { expect, test } from 'vitest';
import { AdjRibOut } from '../../src/bgp/adjout.ts';
import { DEFAULT_CONTEXT } from '../../src/bgp/context.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import type { Session } from '../../src/bgp/session.ts';
import { unsentOf } from '../../src/daemon/unsent.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';

const plain: PathAttributes = { origin: 'igp', asPath: [] };

/** A session in this state that carries these families, and has next hops of those. */
function session(
  families: readonly ('ipv4' | 'ipv6')[],
  hops: readonly ('ipv4' | 'ipv6')[],
  state = 'Established',
): Session {
  const out = new AdjRibOut();
  out.set(prefix('198.51.100.0/24'), plain);
  out.set(prefix('203.0.113.0/24'), { ...plain, communities: Array.from({ length: 1100 }, (_, i) => i) });
  out.set(prefix('2001:db8::/32'), plain);
  out.set(prefix('2001:db8:1::/48'), plain);
  const context = { ...DEFAULT_CONTEXT, families };
  out.open(context, (attributes, family) =>
    hops.includes(family)
      ? { ...attributes, nextHop: address(family === 'ipv4' ? '192.0.2.1' : '2001:db8::1') }
      : undefined,
  );
  while (out.pull(4096) !== undefined);
  return { state, agreement: { context }, out } as unknown as Session;
}

const told = (of: Session) => [...unsentOf(of)].map(({ family, prefixes, reason }) => [family, prefixes, reason]);

test('the peer has not the family; there is no next hop; no message is long enough', () => {
  expect(told(session(['ipv4', 'ipv6'], ['ipv4', 'ipv6']))).toEqual([['ipv4', 1, 'messageTooLong']]);
  expect(told(session(['ipv4'], ['ipv4', 'ipv6']))).toEqual([
    ['ipv4', 1, 'messageTooLong'],
    ['ipv6', 2, 'familyNotNegotiated'],
  ]);
  expect(told(session(['ipv4', 'ipv6'], ['ipv4']))).toEqual([
    ['ipv4', 1, 'messageTooLong'],
    ['ipv6', 2, 'noNextHop'],
  ]);
});

test('while there is no session nothing is missing', () => {
  expect(told(session(['ipv4'], ['ipv4'], 'Active'))).toEqual([]);
});
