import { describe, expect, it } from 'vitest';
import { AdjRibOut } from '../../src/bgp/adjout.ts';
import { bothEnds, Net, route } from '../support/pipe.ts';

describe('an Adj-RIB-Out that is not complete', () => {
  it('hands out nothing, not even an End-of-RIB, until it is', () => {
    const net = new Net(bothEnds());
    const [a, b] = net.ends;
    expect(new AdjRibOut().incomplete).toBe(false);
    a.out.incomplete = true;
    a.set('198.51.100.0/24', route('192.0.2.1'));
    net.start().run(60_000);
    expect([a.established, b.established]).toEqual([true, true]);
    expect([b.table.size, b.endsOfRib]).toEqual([0, 0]);
    a.set('198.51.101.0/24', route('192.0.2.1'));
    a.out.incomplete = false;
    a.tell({ type: 'routes' });
    net.runUntil(() => b.endsOfRib === 1, 1_000);
    expect([...b.table.keys()]).toEqual(['198.51.100.0/24', '198.51.101.0/24']);
  });
});
