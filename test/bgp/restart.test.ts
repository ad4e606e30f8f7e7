import { describe, expect, it } from 'vitest';
import type { Capability } from '../../src/bgp/capability.ts';
import { type AddressFamily, Afi } from '../../src/bgp/const.ts';
import { DEFAULT_CONTEXT } from '../../src/bgp/context.ts';
import { Cease, ErrorCode, notification, shutdownData } from '../../src/bgp/errors.ts';
import type { Agreement } from '../../src/bgp/handshake.ts';
import {
  farewell,
  type Loss,
  NO_RESTART,
  type RestartAction,
  type RestartEvent,
  type RestartState,
  step,
} from '../../src/bgp/restart.ts';

interface Peer {
  /** Families of its capability, and whether it forwards; undefined: no capability at all. */
  readonly families?: Partial<Record<AddressFamily, boolean>>;
  readonly restartTimeSec?: number;
  readonly notification?: boolean;
  readonly longLivedSec?: Partial<Record<AddressFamily, number>>;
  readonly ours?: readonly AddressFamily[];
}

const entry = (family: AddressFamily) => ({ afi: Afi[family], safi: 1 });

function agreement(peer: Peer): Agreement {
  const received: Capability[] = [];
  if (peer.families)
    received.push({
      type: 'gracefulRestart',
      restarting: false,
      notification: peer.notification ?? false,
      restartTimeSec: peer.restartTimeSec ?? 120,
      families: Object.entries(peer.families).map(([f, forwarding]) => ({ ...entry(f as AddressFamily), forwarding })),
    });
  if (peer.longLivedSec)
    received.push({
      type: 'longLivedGracefulRestart',
      families: Object.entries(peer.longLivedSec).map(([f, staleTimeSec]) => ({
        ...entry(f as AddressFamily),
        forwarding: true,
        staleTimeSec,
      })),
    });
  const sent: Capability[] = [
    {
      type: 'gracefulRestart',
      restarting: false,
      notification: true,
      restartTimeSec: 0,
      families: (peer.ours ?? []).map((f) => ({ ...entry(f), forwarding: true })),
    },
  ];
  return {
    context: DEFAULT_CONTEXT,
    negotiated: {} as Agreement['negotiated'],
    holdMs: 90_000,
    keepaliveMs: 30_000,
    peerRouterId: 1,
    peerAsn: 65001,
    sent,
    received,
  };
}

const words = (actions: readonly RestartAction[]): string[] =>
  actions.map((a) =>
    a.type === 'arm' ? `${a.timer}+${a.ms}` : a.type === 'disarm' ? `${a.timer}-` : `${a.type} ${a.family}`,
  );

/** Runs events in order; what each of them led to. */
function run(...events: RestartEvent[]): { state: RestartState; told: string[][] } {
  let state = NO_RESTART;
  const told = events.map((event) => {
    const [next, actions] = step(state, event);
    state = next;
    return words(actions);
  });
  return { state, told };
}

const both = agreement({ families: { ipv4: true, ipv6: true } });
const lost = (a: Agreement, loss: Loss = 'connection'): RestartEvent => ({ type: 'lost', loss, agreement: a });
const up = (a: Agreement): RestartEvent => ({ type: 'up', agreement: a });
const endOfRib = (family: AddressFamily): RestartEvent => ({ type: 'endOfRib', family });

describe('a session that ends', () => {
  const kept = ['markStale ipv4', 'markStale ipv6', 'restart+120000'];
  const gone = ['withdraw ipv4', 'withdraw ipv6'];
  const willing = agreement({ families: { ipv4: true, ipv6: true }, notification: true });

  it.each<[string, Agreement, Loss, string[]]>([
    ['the connection, with the capability', both, 'connection', kept],
    ['the connection, without it', agreement({}), 'connection', gone],
    ['a NOTIFICATION, without the N bit', both, 'notification', gone],
    ['a NOTIFICATION, with it on both sides', willing, 'notification', kept],
    ['the hold timer, without the N bit', both, 'hold', gone],
    ['the hold timer, with it', willing, 'hold', kept],
    ['a Hard Reset, whatever was said', willing, 'hardReset', gone],
    ['ourselves', willing, 'stopped', gone],
    ['a path that is down, whatever was said', willing, 'path', gone],
  ])('by %s', (_, a, loss, expected) => {
    expect(run(lost(a, loss)).told[0]).toEqual(expected);
  });

  it('keeps only the families that the peer named', () => {
    const { told, state } = run(lost(agreement({ families: { ipv6: true } })));
    expect(told[0]).toEqual(['withdraw ipv4', 'markStale ipv6', 'restart+120000']);
    expect(state.stale).toEqual(['ipv6']);
  });

  it('keeps nothing where the peer asks for no time', () => {
    const { told, state } = run(lost(agreement({ families: { ipv4: true }, restartTimeSec: 0 })));
    expect(told[0]).toEqual(['markStale ipv4', 'withdraw ipv6', 'sweepStale ipv4']);
    expect(state.stale).toEqual([]);
  });
});

describe('a path that is down', () => {
  it('ends the wait for a peer that restarts', () => {
    const { told, state } = run(lost(both), { type: 'pathDown' });
    expect(told[1]).toEqual(['restart-', 'withdraw ipv4', 'withdraw ipv6']);
    expect(state).toEqual(NO_RESTART);
  });

  it('is nothing where nothing is kept, or the peer is there', () => {
    expect(run({ type: 'pathDown' }).told).toEqual([[]]);
    expect(run(lost(both), up(both), { type: 'pathDown' }).told[2]).toEqual([]);
  });
});

describe('a peer that comes back', () => {
  it('has its stale routes swept at its End-of-RIBs, one family at a time', () => {
    const { told, state } = run(lost(both), up(both), endOfRib('ipv6'), endOfRib('ipv4'), endOfRib('ipv4'));
    expect(told.slice(1)).toEqual([
      ['restart-', 'stalePath+360000'],
      ['sweepStale ipv6'],
      ['sweepStale ipv4', 'stalePath-'],
      [],
    ]);
    expect(state.stale).toEqual([]);
  });

  it('forwards nothing any more without the F bit: its routes go at once', () => {
    const cold = agreement({ families: { ipv4: false, ipv6: true } });
    expect(run(lost(both), up(cold)).told[1]).toEqual(['restart-', 'sweepStale ipv4', 'stalePath+360000']);
  });

  it('without the capability: all of them', () => {
    const { told, state } = run(lost(both), up(agreement({})));
    expect(told[1]).toEqual(['restart-', 'sweepStale ipv4', 'sweepStale ipv6', 'stalePath-']);
    expect(state.stale).toEqual([]);
  });

  it('and never sends End-of-RIB is not waited for longer than the stale-path time', () => {
    const { told } = run(lost(both), up(both), { type: 'expired', timer: 'stalePath' });
    expect(told[2]).toEqual(['sweepStale ipv4', 'sweepStale ipv6', 'stalePath-']);
  });

  it('and goes again before End-of-RIB: what it has sent stays, what was stale before is marked anew', () => {
    const { told } = run(lost(both), up(both), lost(both));
    expect(told[2]).toEqual(['stalePath-', 'markStale ipv4', 'markStale ipv6', 'restart+120000']);
  });
});

describe('a peer that does not come back', () => {
  it('loses its routes when the restart time is over', () => {
    const { told, state } = run(lost(both), { type: 'expired', timer: 'restart' });
    expect(told[1]).toEqual(['sweepStale ipv4', 'sweepStale ipv6']);
    expect(state.stale).toEqual([]);
  });

  it('keeps them longer where it asked for that (RFC 9494), family by family', () => {
    const long = agreement({ families: { ipv4: true, ipv6: true }, longLivedSec: { ipv6: 600 } });
    const { told, state } = run(
      lost(long),
      { type: 'expired', timer: 'restart' },
      { type: 'expired', timer: 'longLived ipv6' },
    );
    expect(told.slice(1)).toEqual([
      ['sweepStale ipv4', 'longLived ipv6', 'longLived ipv6+600000'],
      ['sweepStale ipv6', 'longLived ipv6-'],
    ]);
    expect(state.stale).toEqual([]);
  });
});

describe('a peer that comes back after its restart time', () => {
  const all = { ipv4: true, ipv6: true };
  const long = agreement({ families: all, longLivedSec: { ipv4: 600, ipv6: 600 } });
  const late = (a: Agreement) => run(lost(long), { type: 'expired', timer: 'restart' }, up(a)).told[2];
  const none = ['sweepStale ipv4', 'sweepStale ipv6', 'longLived ipv4-', 'longLived ipv6-', 'stalePath-'];

  it('has what its long-lived capability says that it forwards (RFC 9494 §4.2), whatever the other one says', () => {
    expect(late(agreement({ families: {}, longLivedSec: { ipv4: 600 } }))).toEqual([
      'restart-',
      'sweepStale ipv6',
      'longLived ipv6-',
      'stalePath+360000',
    ]);
    expect(late(agreement({ families: all }))).toEqual(['restart-', ...none]);
  });
});

describe('a peer that comes and goes in its long-lived time (RFC 9494 §4.2)', () => {
  const long = agreement({ families: { ipv4: true, ipv6: true }, longLivedSec: { ipv4: 600 } });
  const expired = (timer: 'restart' | 'longLived ipv4'): RestartEvent => ({ type: 'expired', timer });
  const back = [lost(long), expired('restart'), up(long)] as const;

  it('loses nothing by that, and its time runs on', () => {
    const { told, state } = run(...back, lost(long), expired('restart'), expired('longLived ipv4'));
    expect(told.slice(3)).toEqual([
      ['stalePath-', 'addStale ipv4', 'markStale ipv6', 'restart+120000'],
      ['sweepStale ipv6'],
      ['sweepStale ipv4', 'longLived ipv4-'],
    ]);
    expect(state).toMatchObject({ stale: [], longLived: [], lapsed: [] });
  });

  it('has no restart time for a family that the long-lived capability alone names', () => {
    const mixed = agreement({ families: { ipv6: true }, longLivedSec: { ipv4: 600 } });
    const { told, state } = run(lost(mixed), expired('restart'));
    expect(told).toEqual([
      ['markStale ipv4', 'markStale ipv6', 'longLived ipv4', 'longLived ipv4+600000', 'restart+120000'],
      ['sweepStale ipv6'],
    ]);
    expect(state).toMatchObject({ stale: ['ipv4'], longLived: ['ipv4'] });
  });

  it('has none of it where it does not announce the other capability as well (RFC 9494 §4.5)', () => {
    const alone = agreement({ longLivedSec: { ipv4: 600 } });
    expect(run(lost(alone)).told).toEqual([['withdraw ipv4', 'withdraw ipv6']]);
    expect(run(lost(long), expired('restart'), up(alone)).told[2]).toEqual([
      'restart-',
      'sweepStale ipv4',
      'longLived ipv4-',
      'stalePath-',
    ]);
  });

  it('waits for no restart time where all it kept is past that', () => {
    const only = agreement({ families: { ipv4: true }, longLivedSec: { ipv4: 600 } });
    expect(run(lost(only), expired('restart'), up(only), lost(only)).told[3]).toEqual([
      'stalePath-',
      'addStale ipv4',
      'withdraw ipv6',
    ]);
  });

  it('has the whole of it again once it has sent all', () => {
    const { told } = run(...back, endOfRib('ipv4'), lost(long), expired('restart'));
    expect(told.slice(3)).toEqual([
      ['sweepStale ipv4', 'longLived ipv4-', 'stalePath-'],
      ['markStale ipv4', 'markStale ipv6', 'restart+120000'],
      ['sweepStale ipv6', 'longLived ipv4', 'longLived ipv4+600000'],
    ]);
  });

  it('keeps nothing where the time has ended before it had', () => {
    const { told } = run(...back, expired('longLived ipv4'), lost(long));
    expect(told.slice(3)).toEqual([
      ['sweepStale ipv4', 'longLived ipv4-', 'stalePath-'],
      ['withdraw ipv4', 'markStale ipv6', 'restart+120000'],
    ]);
    expect(run(...back, expired('longLived ipv4'), endOfRib('ipv4'), lost(long)).told[5]).toEqual([
      'markStale ipv4',
      'markStale ipv6',
      'restart+120000',
    ]);
  });
});

describe('a refresh during the session (RFC 7313 §4)', () => {
  const begin = (family: AddressFamily): RestartEvent => ({ type: 'beginOfRefresh', family });
  const end = (family: AddressFamily): RestartEvent => ({ type: 'endOfRefresh', family });

  it('makes what was there stale until its end, one family apart from the other', () => {
    const { told, state } = run(up(both), begin('ipv4'), begin('ipv6'), end('ipv4'), end('ipv4'), end('ipv6'));
    expect(told.slice(1)).toEqual([
      ['markStale ipv4', 'refresh ipv4+360000'],
      ['markStale ipv6', 'refresh ipv6+360000'],
      ['sweepStale ipv4', 'refresh ipv4-'],
      [],
      ['sweepStale ipv6', 'refresh ipv6-'],
    ]);
    expect(state).toEqual({ ...NO_RESTART, up: true });
  });

  it('that begins twice is one, and one without an end ends by itself', () => {
    const { told } = run(up(both), begin('ipv4'), begin('ipv4'), { type: 'expired', timer: 'refresh ipv4' });
    expect(told.slice(2)).toEqual([[], ['sweepStale ipv4', 'refresh ipv4-']]);
  });

  it('waits for End-of-RIB after a restart, and is over when the session is', () => {
    const { told, state } = run(lost(both), up(both), begin('ipv4'), endOfRib('ipv4'), begin('ipv4'), lost(both));
    expect(told.slice(2)).toEqual([
      [],
      ['sweepStale ipv4'],
      ['markStale ipv4', 'refresh ipv4+360000'],
      ['refresh ipv4-', 'stalePath-', 'markStale ipv4', 'markStale ipv6', 'restart+120000'],
    ]);
    expect(state.refreshing).toEqual([]);
    expect(run(begin('ipv4'), end('ipv4')).told).toEqual([[], []]);
  });
});

describe('our farewell', () => {
  const bye = notification(ErrorCode.cease, Cease.administrativeShutdown, shutdownData('off'));
  const willing = agreement({ families: { ipv4: true }, notification: true, ours: ['ipv4'] });

  it('is a Hard Reset with the reason inside where the peer would keep our routes (RFC 8538 §3.1)', () => {
    expect(farewell(bye, willing)).toEqual({
      code: 6,
      subcode: 9,
      data: Uint8Array.of(6, 2, 3, ...new TextEncoder().encode('off')),
    });
  });

  it.each<[string, Agreement | undefined]>([
    ['the peer does not honour NOTIFICATIONs', agreement({ families: { ipv4: true }, ours: ['ipv4'] })],
    ['we asked for nothing to be kept', agreement({ families: { ipv4: true }, notification: true })],
    ['there was no session', undefined],
  ])('is what it is where %s', (_, a) => {
    expect(farewell(bye, a)).toBe(bye);
  });

  it('is not wrapped twice', () => {
    const hard = farewell(bye, willing);
    expect(farewell(hard, willing)).toBe(hard);
  });
});
