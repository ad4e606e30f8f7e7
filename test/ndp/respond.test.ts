import { describe, expect, it } from 'vitest';
import { address, formatAddress } from '../../src/lib/address.ts';
import {
  type NeighborFrame,
  neighborProbe,
  type Solicitation,
  unsolicitedAdvertisement,
} from '../../src/ndp/neighbor.ts';
import { type NdReason, respondNeighbor, type Standing } from '../../src/ndp/respond.ts';

const here = 0x02005e100001;
const other = 0x02005e100002;
const third = 0x02005e100003;
const group = 0x3333ff0000c8;
const vip = address('2001:db8::c8');
const asker = address('fe80::9');
const message: Solicitation = { type: 'solicitation', target: vip, sourceLinkLayer: other };
const solicitation: NeighborFrame = {
  ...{ destination: group, source: other, from: asker, to: address('ff02::1:ff00:c8') },
  message,
};
const unicast: NeighborFrame = { ...solicitation, destination: here, to: vip };
const unnamed: Solicitation = { type: 'solicitation', target: vip };
const respond = (frame: NeighborFrame, standing: Standing = 'here') =>
  respondNeighbor(frame, {
    mac: here,
    standing: (target) => (formatAddress(target) === '2001:db8::c8' ? standing : 'none'),
  });

describe('neighbour solicitations', () => {
  const answer = {
    ...{ destination: other, source: here, from: vip, to: asker },
    message: {
      ...{ type: 'advertisement', router: false, solicited: true, override: false },
      ...{ target: vip, targetLinkLayer: here },
    },
  };
  it.each<[string, NeighborFrame]>([
    ['to the group', solicitation],
    ['to the address itself, as neighbours do that know it (RFC 4861 §7.3.3)', unicast],
    ['to the address itself, without the link-layer address of the sender', { ...unicast, message: unnamed }],
    ['passed on by a third', { ...solicitation, source: third }],
  ])('are answered: %s', (_, frame) => {
    expect(respond(frame)).toEqual(answer);
  });

  it('are defended against when they probe for duplicates: to all nodes, overriding', () => {
    expect(respond(neighborProbe(other, vip))).toEqual(unsolicitedAdvertisement(here, vip));
  });

  it.each<[NdReason, NeighborFrame, Standing?]>([
    ['messageType', unsolicitedAdvertisement(other, vip)],
    ['ethernetDestination', { ...unicast, destination: third }],
    ['noSourceLL', { ...solicitation, message: unnamed }],
    ['announceIP', { ...solicitation, message: { ...message, target: address('2001:db8::c9') } }],
    ['announceIP', solicitation, 'none'],
    ['notMatchInterface', solicitation, 'elsewhere'],
    ['notMatchInterface', neighborProbe(other, vip), 'elsewhere'],
    ['yielded', solicitation, 'yielded'],
    ['yielded', neighborProbe(other, vip), 'yielded'],
    ['sourceMac', { ...solicitation, message: { ...message, sourceLinkLayer: 0x333300000001 } }],
    ['sourceMac', { ...unicast, source: 0, message: unnamed }],
  ])('%s', (reason, frame, standing) => {
    expect(respond(frame, standing)).toBe(reason);
  });

  it('give the first reason of many: MetalLB says noSourceLL before it looks for the address', () => {
    const nothingRight = { ...solicitation, message: { ...unnamed, target: address('2001:db8::c9') } };
    expect(respond(nothingRight)).toBe('noSourceLL');
    expect(respond({ ...nothingRight, destination: third })).toBe('ethernetDestination');
  });
});
