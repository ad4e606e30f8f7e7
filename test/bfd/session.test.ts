import { describe, expect, it } from 'vitest';
import { Diagnostic, type State, states } from '../../src/bfd/packet.ts';
import { dueMs } from '../../src/bfd/session.ts';
import { Lone, upSession } from '../support/bfd.ts';

const silence = Diagnostic.controlDetectionTimeExpired;
const signaled = Diagnostic.neighborSignaledSessionDown;
const disable = { type: 'disable', diagnostic: Diagnostic.administrativelyDown } as const;

/** A session in that state, with nothing in its log. */
function inState(state: State): Lone {
  if (state === 'Up') return upSession();
  const lone = new Lone().until(0);
  if (state === 'Init') lone.hear();
  if (state === 'AdminDown') lone.do(disable);
  expect(lone.session.state).toBe(state);
  lone.log.length = 0;
  return lone;
}

describe('the diagram of RFC 5880 §6.2', () => {
  // Ours, theirs, ours after it, and why where it goes down.
  const rows: [State, State, State, number?][] = [
    ['AdminDown', 'AdminDown', 'AdminDown'],
    ['AdminDown', 'Down', 'AdminDown'],
    ['AdminDown', 'Init', 'AdminDown'],
    ['AdminDown', 'Up', 'AdminDown'],
    ['Down', 'AdminDown', 'Down'],
    ['Down', 'Down', 'Init'],
    ['Down', 'Init', 'Up'],
    ['Down', 'Up', 'Down'],
    ['Init', 'AdminDown', 'Down', signaled],
    ['Init', 'Down', 'Init'],
    ['Init', 'Init', 'Up'],
    ['Init', 'Up', 'Up'],
    ['Up', 'AdminDown', 'Down', signaled],
    ['Up', 'Down', 'Down', signaled],
    ['Up', 'Init', 'Up'],
    ['Up', 'Up', 'Up'],
  ];

  it('is whole', () => {
    expect(new Set(rows.map(([ours, theirs]) => `${ours} ${theirs}`)).size).toBe(states.length ** 2);
  });

  it.each(rows)('%s, hears %s: %s', (ours, theirs, after, diagnostic) => {
    const lone = inState(ours);
    const before = lone.session.diagnostic;
    lone.hear({ state: theirs });
    expect(lone.session.state).toBe(after);
    expect(lone.session.diagnostic).toBe(diagnostic ?? before);
    expect(lone.take('changed').map(({ action }) => action)).toEqual(
      ours === after
        ? []
        : [
            {
              ...{ type: 'changed', from: ours, to: after, diagnostic: lone.session.diagnostic },
              fault: ours === 'Up' && theirs === 'Down',
              independent: false,
            },
          ],
    );
    expect(lone.take('dropped').map(({ action }) => action.reason)).toEqual(ours === 'AdminDown' ? ['adminDown'] : []);
  });

  it.each([
    ['Init', 'Down', silence, false],
    ['Up', 'Down', silence, true],
    ['AdminDown', 'AdminDown', Diagnostic.administrativelyDown, undefined],
  ] as const)('%s, hears nothing: %s', (ours, after, diagnostic, fault) => {
    const lone = inState(ours).until(60_000);
    expect(lone.session).toMatchObject({ state: after, diagnostic });
    const changes = lone.take('changed').map(({ action }) => action.fault);
    expect(changes).toEqual(fault === undefined ? [] : [fault]);
  });

  it.each(states)('%s, is disabled and enabled: it starts again', (ours) => {
    const lone = inState(ours).do(disable);
    expect(lone.session).toMatchObject({ state: 'AdminDown', diagnostic: Diagnostic.administrativelyDown });
    lone.do({ type: 'enable' });
    expect(lone.session).toMatchObject({ state: 'Down', diagnostic: Diagnostic.none });
    expect(lone.take('changed').every(({ action }) => !action.fault)).toBe(true);
    // Enabling what is enabled changes nothing.
    const once = lone.session;
    expect(lone.do({ type: 'enable' }).session).toEqual(once);
  });
});

describe('what packets say', () => {
  it('first: that nobody is known yet', () => {
    const lone = new Lone({ localDiscriminator: 0xdecade }).until(0);
    expect(lone.takeSent()).toEqual([
      {
        ...{ atMs: 0, diagnostic: 0, state: 'Down', poll: false, final: false },
        ...{ controlPlaneIndependent: false, demand: false, detectMult: 3 },
        ...{ myDiscriminator: 0xdecade, yourDiscriminator: 0 },
        ...{ desiredMinTxUs: 1_000_000, requiredMinRxUs: 300_000, requiredMinEchoRxUs: 0 },
      },
    ]);
  });

  it('a change of state at once, and no more than once', () => {
    const lone = new Lone().until(400);
    lone.takeSent();
    lone.hear();
    expect(lone.takeSent()).toMatchObject([{ atMs: 400, state: 'Init', yourDiscriminator: 2 }]);
    lone.hear({ state: 'Init' }).hear({ state: 'Up' });
    expect(lone.takeSent()).toMatchObject([{ atMs: 400, state: 'Up', desiredMinTxUs: 300_000, poll: true }]);
  });

  it('why the session went down, until it is up again', () => {
    const lone = upSession().until(900);
    expect(lone.takeSent().at(-1)).toMatchObject({ atMs: 900, state: 'Down', diagnostic: silence });
    lone.hear({ state: 'Down' });
    expect(lone.takeSent()).toMatchObject([{ state: 'Init', diagnostic: silence }]);
    lone.hear({ state: 'Up' });
    expect(lone.takeSent()).toMatchObject([{ state: 'Up', diagnostic: 0 }]);
  });

  it('never both Poll and Final, and a Final at once whatever the state', () => {
    for (const state of ['Down', 'Init', 'Up'] as const) {
      const lone = inState(state).configure({ desiredMinTxMs: 2_000 });
      lone.hear({ poll: true, state: 'Up' });
      const sent = lone.takeSent();
      expect(sent.filter(({ final }) => final)).toMatchObject([{ atMs: lone.nowMs, poll: false }]);
      expect(sent.some(({ final, poll }) => final && poll)).toBe(false);
    }
  });

  it('no Final while disabled: such packets are discarded (RFC 5880 §6.8.6)', () => {
    const lone = inState('AdminDown').hear({ poll: true });
    expect(lone.takeSent().filter(({ final }) => final)).toEqual([]);
  });

  it('in a Final also what is new, which then needs no packet of its own', () => {
    const lone = new Lone().until(0).hear();
    lone.takeSent();
    lone.hear({ state: 'Init', poll: true });
    expect(lone.takeSent()).toMatchObject([{ state: 'Up', final: true, poll: false, desiredMinTxUs: 300_000 }]);
    // The Poll Sequence runs on the next periodic packet.
    lone.until(300);
    expect(lone.takeSent()).toMatchObject([{ atMs: 300, poll: true }]);
  });
});

describe('the passive role', () => {
  it('says nothing before the peer has, nor after it fell silent', () => {
    const lone = new Lone({ passive: true });
    expect(dueMs(lone.session)).toBeUndefined();
    lone.until(10_000).configure({ desiredMinTxMs: 500 }).do({ type: 'tick' });
    expect(lone.takeSent()).toEqual([]);
    lone.hear();
    expect(lone.takeSent()).toMatchObject([{ atMs: 10_000, state: 'Init' }]);
    lone.until(60_000);
    // Three seconds of detection time, in which it still speaks.
    expect(lone.takeSent().map(({ atMs }) => atMs)).toEqual([11_000, 12_000]);
    expect(dueMs(lone.session)).toBeUndefined();
  });

  it('says nothing when it is disabled before the peer has spoken', () => {
    const lone = new Lone({ passive: true }).do(disable).until(10_000);
    expect(lone.takeSent()).toEqual([]);
    expect(lone.take('farewellOver')).toHaveLength(1);
  });
});

describe('the peer', () => {
  it('is forgotten after a detection time of silence, in Down too', () => {
    const lone = inState('Down').hear({ state: 'AdminDown' });
    expect(lone.session.remote.discriminator).toBe(2);
    lone.until(2_999);
    expect(lone.session.remote.discriminator).toBe(2);
    lone.takeSent();
    lone.until(3_000);
    expect(lone.session.remote).toMatchObject({ discriminator: 0, state: 'Down' });
    expect(lone.takeSent().at(-1)).toMatchObject({ atMs: 3_000, yourDiscriminator: 0 });
    expect(lone.take('changed')).toEqual([]);
  });

  // A session of 3 x 300 ms.
  it.each([
    [0, 0],
    [0.5, 0.5],
    [120, 120],
    [300, 300],
    [5_000, 300],
  ])('is waited for once, where we come late: by %d ms, so for %d', (lateMs, graceMs) => {
    const lone = upSession();
    lone.nowMs = 900 + lateMs;
    const wokeMs = lone.nowMs;
    lone.do({ type: 'tick', lateMs });
    if (graceMs > 0) {
      expect(lone.session.state).toBe('Up');
      lone.until(wokeMs + graceMs - 0.1);
      expect(lone.session.state).toBe('Up');
      // However late we come to the end of that.
      lone.nowMs = wokeMs + graceMs + 100;
      lone.do({ type: 'tick', lateMs: 100 });
    }
    expect(lone.take('changed').map(({ action }) => action)).toMatchObject([{ to: 'Down', diagnostic: silence }]);
  });

  it('that is heard again has its whole detection time again', () => {
    const lone = upSession();
    lone.nowMs = 1_000;
    lone.do({ type: 'tick', lateMs: 300 }).hear({ state: 'Up', desiredMinTxUs: 300_000 }).until(1_899);
    expect(lone.session.state).toBe('Up');
    lone.until(1_900);
    expect(lone.session.state).toBe('Down');
  });

  it('that wanted no packets, and fell silent, gets some again', () => {
    const lone = upSession().hear({ state: 'Up', requiredMinRxUs: 0, desiredMinTxUs: 300_000 });
    lone.until(899);
    expect(lone.takeSent()).toEqual([]);
    lone.until(3_000);
    expect(lone.takeSent().map(({ atMs, state }) => [atMs, state])).toEqual([
      [900, 'Down'],
      [1_900, 'Down'],
      [2_900, 'Down'],
    ]);
  });

  it('that was started anew takes the session down, with a fault, and up again', () => {
    const lone = upSession().hear({ myDiscriminator: 9, yourDiscriminator: 0, state: 'Down' });
    expect(lone.take('remoteChanged').map(({ action }) => action)).toEqual([{ type: 'remoteChanged', from: 2, to: 9 }]);
    expect(lone.take('changed').map(({ action }) => action)).toMatchObject([{ to: 'Down', fault: true }]);
    expect(lone.takeSent()).toMatchObject([{ state: 'Down', yourDiscriminator: 9, diagnostic: signaled }]);
    lone.hear({ myDiscriminator: 9, state: 'Down' }).hear({ myDiscriminator: 9, state: 'Init' });
    expect(lone.session.state).toBe('Up');
    expect(lone.take('remoteChanged')).toEqual([]);
  });

  it('that asks for Demand mode gets no periodic packets while both are Up', () => {
    const theirs = { state: 'Up', demand: true, desiredMinTxUs: 300_000 } as const;
    const lone = upSession().hear(theirs);
    expect(lone.take('remoteDemand').map(({ action }) => action.demand)).toEqual([true]);
    for (let ms = 300; ms <= 3_000; ms += 300) lone.until(ms).hear(theirs);
    expect(lone.takeSent()).toEqual([]);
    // A Poll is answered, and one of ours is repeated until it is.
    lone.hear({ ...theirs, poll: true });
    expect(lone.takeSent()).toMatchObject([{ final: true, demand: false }]);
    lone.configure({ requiredMinRxMs: 200 });
    for (let ms = 3_300; ms <= 3_900; ms += 300) lone.until(ms).hear(theirs);
    const polls = lone.takeSent();
    expect(polls.map(({ atMs, poll }) => [atMs, poll])).toEqual([3_000, 3_300, 3_600, 3_900].map((ms) => [ms, true]));
    lone.hear({ ...theirs, final: true }).until(4_700);
    expect(lone.takeSent()).toEqual([]);
    // It still has to send, and to be there.
    expect(lone.session.state).toBe('Up');
    expect(lone.until(4_800).session.state).toBe('Down');
    expect(lone.takeSent()).toMatchObject([{ atMs: 4_800, state: 'Down' }]);
  });

  it('that asks for Demand mode is told of another multiplier until it answers (RFC 5880 §6.6)', () => {
    const theirs = { state: 'Up', demand: true, desiredMinTxUs: 300_000 } as const;
    const lone = upSession().hear(theirs).configure({ detectMult: 5 }).until(300).hear(theirs).until(400);
    expect(lone.takeSent().map(({ atMs, poll, detectMult }) => [atMs, poll, detectMult])).toEqual([
      [0, true, 5],
      [300, true, 5],
    ]);
    lone.hear({ ...theirs, final: true }).until(1_200);
    expect(lone.takeSent()).toEqual([]);
  });

  it('that asks for Demand mode no longer is sent to again at once', () => {
    const theirs = { state: 'Up', desiredMinTxUs: 300_000 } as const;
    const lone = upSession()
      .hear({ ...theirs, demand: true })
      .until(800)
      .hear(theirs);
    expect(lone.take('remoteDemand').map(({ action }) => action.demand)).toEqual([true, false]);
    expect(lone.takeSent().map(({ atMs }) => atMs)).toEqual([800]);
  });
});

describe('a session that is disabled', () => {
  it('says so at the slow rate, and tells when the peer had a detection time to hear it', () => {
    const lone = upSession().do(disable);
    expect(lone.takeSent()).toMatchObject([{ atMs: 0, state: 'AdminDown', diagnostic: 7, desiredMinTxUs: 1_000_000 }]);
    lone.until(2_999);
    expect(lone.take('farewellOver')).toEqual([]);
    lone.until(10_000);
    expect(lone.take('farewellOver').map(({ atMs }) => atMs)).toEqual([3_000]);
    // It stays so until somebody throws it away.
    expect(lone.takeSent().every(({ state }) => state === 'AdminDown')).toBe(true);
  });

  it('waits as long as the slower side needs', () => {
    const lone = upSession({ detectMult: 5 }, { requiredMinRxUs: 4_000_000 }).do(disable).until(60_000);
    expect(lone.take('farewellOver').map(({ atMs }) => atMs)).toEqual([20_000]);
  });

  it('that knows nobody is over at once', () => {
    const lone = new Lone().until(0).do(disable);
    expect(lone.take('farewellOver').map(({ atMs }) => atMs)).toEqual([0]);
  });

  it('may be enabled before that', () => {
    const lone = upSession().do(disable).do({ type: 'enable' }).until(10_000);
    expect(lone.take('farewellOver')).toEqual([]);
    expect(lone.session.state).toBe('Down');
  });

  it('says for what: another path may be down', () => {
    const lone = upSession().do({ type: 'disable', diagnostic: Diagnostic.pathDown }).do(disable);
    expect(lone.takeSent()).toMatchObject([{ state: 'AdminDown', diagnostic: Diagnostic.pathDown }]);
  });
});
