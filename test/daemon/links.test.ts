/** What news of a link means to those who have learned where it is. */
import { expect, it } from 'vitest';
import { moved } from '../../src/daemon/links.ts';
import { type Link, LinkEvent, LinkFlag } from '../../src/netlink/link.ts';

const { up, lowerUp, broadcast } = LinkFlag;
const link = (flags: number, more: Partial<Link> = {}): Link => ({ index: 2, type: 1, flags, changed: 0, ...more });
const running = link(up | lowerUp | broadcast);

it('a bond that changed its active member is elsewhere, and so is whoever the kernel says to tell of', () => {
  for (const event of [LinkEvent.bondingFailover, LinkEvent.notifyPeers])
    expect(moved(running, { ...running, event })).toBe(true);
  expect(moved(running, { ...running, event: 1 })).toBe(false);
});

it('a link whose carrier is back is forgotten by its switch, even when both are heard of in one turn', () => {
  expect(moved(link(up), running)).toBe(true);
  expect(moved(link(lowerUp), running)).toBe(true);
  expect(moved(running, link(up))).toBe(false);
  expect(moved(running, running)).toBe(false);
  // What was between was lost.
  expect(moved({ ...running, carrierUps: 1 }, { ...running, carrierUps: 2 })).toBe(true);
  expect(moved({ ...running, carrierUps: 2 }, { ...running, carrierUps: 2 })).toBe(false);
  // Nobody knows of a new one.
  expect(moved(undefined, running)).toBe(false);
});
