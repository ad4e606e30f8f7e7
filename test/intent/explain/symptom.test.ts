/** What sessions say last, in their own words, and what an operator is to make of it. */
import { describe, expect, test } from 'vitest';
import {
  Cease,
  describeNotification,
  ErrorCode,
  notification,
  OpenError,
  shutdownData,
} from '../../../src/bgp/errors.ts';
import { checkOpen } from '../../../src/bgp/message.ts';
import type { PeerSettings } from '../../../src/bgp/settings.ts';
import { ending, silence } from '../../../src/bgp/symptom.ts';
import { symptomOf, symptoms } from '../../../src/intent/explain/symptom.ts';

const settings = (more: Partial<PeerSettings> = {}) => more as PeerSettings;
const received = (code: number, subcode: number) => `received ${describeNotification(notification(code, subcode))}`;

/** Texts from where they are made, so that a change of wording there is noticed here. */
const said: readonly (readonly [string, string])[] = [
  [silence(settings({ password: 'x' })), 'passwordDiffers'],
  [silence(settings()), 'noAnswer'],
  [silence(settings({ ttlSecurityHops: 1 })), 'noAnswer'],
  [ending('OpenSent'), 'notPeer'],
  [ending('Established'), 'connectionLost'],
  [received(ErrorCode.open, OpenError.badPeerAs), 'wrongOwnAs'],
  [received(ErrorCode.open, OpenError.badBgpIdentifier), 'routerIdClash'],
  [received(ErrorCode.open, OpenError.unsupportedCapability), 'noCommonFamily'],
  [received(ErrorCode.open, OpenError.roleMismatch), 'roleMismatch'],
  [received(ErrorCode.cease, Cease.connectionRejected), 'notPeer'],
  [received(ErrorCode.cease, Cease.maximumPrefixes), 'prefixLimit'],
  [received(ErrorCode.cease, Cease.administrativeShutdown), 'shutByPeer'],
  [received(ErrorCode.cease, Cease.peerDeconfigured), 'shutByPeer'],
  [received(ErrorCode.holdTimerExpired, 0), 'holdTimerExpired'],
  [received(ErrorCode.update, 1), 'notification'],
  ['connection refused: nothing listens there, or a firewall rejects us', 'refused'],
  ['no route to the peer, or it does not answer ARP or neighbour discovery', 'unreachable'],
  ['the source address is not on this host (yet)', 'noSourceAddress'],
  ['there is no such interface or VRF (yet)', 'noInterface'],
  ['the peer and we have no address family in common', 'noCommonFamily'],
  ['11 prefixes where 10 are allowed', 'prefixLimit'],
  ['stopped', 'stopped'],
  ['no router was heard on the link yet', 'notHeard'],
  ['', 'waiting'],
  ['something that nobody has ever said', 'unknownFailure'],
];

test.each(said)('%s', (text, word) => expect(symptomOf(text)).toBe(word));

test("what the peer's operator writes is no sign, whatever it says", () => {
  for (const subcode of [Cease.administrativeShutdown, Cease.administrativeReset]) {
    const data = shutdownData(
      'connection refused, no route to the peer: peer is in AS 7, the role of this router changes',
    );
    const inside = Uint8Array.of(ErrorCode.cease, subcode, ...data);
    for (const told of [
      notification(ErrorCode.cease, subcode, data),
      notification(ErrorCode.cease, Cease.hardReset, inside),
    ])
      expect(symptomOf(`received ${describeNotification(told)}`)).toBe('shutByPeer');
  }
});

test('the AS in an OPEN that is not the one configured', () => {
  const open = { type: 'open', version: 4, myAs: 64513, holdTimeSec: 90, bgpIdentifier: 1, capabilities: [] } as const;
  let text = '';
  try {
    checkOpen(open, { peerAsn: 64999, routerId: 2, internal: false });
  } catch (error) {
    text = (error as Error).message;
  }
  expect(symptomOf(text)).toBe('wrongPeerAs');
});

describe('the words', () => {
  test.each(Object.entries(symptoms))('%s is explained in whole sentences', (_, { says, remedy }) => {
    expect(says).toMatch(/^[A-Z].*\.$/);
    expect(remedy).toMatch(/^[A-Z].*\.$/);
  });
});
