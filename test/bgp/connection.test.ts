/** What a peer is told when it errs, octet by octet, and what the operator is told. */
import { describe, expect, it } from 'vitest';
import { Cease, ErrorCode, notification, shutdownData } from '../../src/bgp/errors.ts';
import { toHex } from '../../src/lib/bytes.ts';
import { settingsOf } from '../support/pipe.ts';
import { ATTRIBUTES, keepalive, messageHex, notificationHex, openHex, Script, updateHex } from '../support/script.ts';

const MARKER = 'ff'.repeat(16);
const PREFIX = '18cb0071'; // 203.0.113.0/24

/** The connection ended with exactly this, once, and the session is in Idle with a reason. */
function expectEnd(s: Script, hex: string, reason: string | RegExp): void {
  expect(s.last()).toBe(hex);
  expect(s.sent.get(s.connection)!.filter((m) => m.slice(36, 38) === '03')).toHaveLength(1);
  expect(s.closed).toContain(s.connection);
  expect(s.session.state).toBe('Idle');
  expect(s.reason).toMatch(reason);
  // Nothing the peer says from now on counts.
  const { length } = s.actions;
  s.says(keepalive).taken().hangsUp();
  expect(s.actions.length).toBe(length);
}

const connected = () => new Script().to('OpenSent');

describe('a header', () => {
  const overlong = (length: number, type: number) =>
    MARKER + length.toString(16).padStart(4, '0') + type.toString(16).padStart(2, '0');

  it.each([
    ['a marker that is not all ones', `00${'ff'.repeat(18)}`, notificationHex(1, 1), 'marker is not all ones'],
    ['one wrong bit in the marker', `${'ff'.repeat(15)}fe001304`, notificationHex(1, 1), 'marker'],
    ['text', toHex(new TextEncoder().encode('GET / HTTP/1.1\r\n')), notificationHex(1, 1), 'marker'],
    ['length 18', overlong(18, 4), notificationHex(1, 2, '0012'), 'has 18 octets'],
    ['length 0', overlong(0, 1), notificationHex(1, 2, '0000'), 'has 0 octets'],
    ['a KEEPALIVE of 20', overlong(20, 4), notificationHex(1, 2, '0014'), 'has 20 octets'],
    ['an OPEN of 28', overlong(28, 1), notificationHex(1, 2, '001c'), 'has 28 octets'],
    ['an UPDATE of 22', overlong(22, 2), notificationHex(1, 2, '0016'), 'has 22 octets'],
    ['a NOTIFICATION of 20', overlong(20, 3), notificationHex(1, 2, '0014'), 'has 20 octets'],
    ['4097 octets', overlong(4097, 2), notificationHex(1, 2, '1001'), 'has 4097 octets'],
    ['type 0', overlong(19, 0), notificationHex(1, 3, '00'), 'message type 0'],
    ['type 6', overlong(19, 6), notificationHex(1, 3, '06'), 'message type 6'],
    ['type 255', overlong(4096, 255), notificationHex(1, 3, 'ff'), 'message type 255'],
  ])('with %s', (_, hex, answer, reason) => {
    expectEnd(connected().says(hex), answer, reason);
  });

  it('may announce 65,535 octets after the OPENs, from a peer that takes no more than 4,096 itself too (RFC 8654 §4)', () => {
    const capabilities = [{ type: 'multiprotocol', afi: 1, safi: 1 } as const, { type: 'extendedMessage' } as const];
    for (const open of [openHex({ capabilities }), openHex()]) {
      const s = new Script().to('Established', open);
      s.says(overlong(65535, 2));
      expect(s.session.state).toBe('Established');
    }
    const before = connected().says(overlong(4097, 2));
    expectEnd(before, notificationHex(1, 2, '1001'), '4097');
  });
});

describe('an OPEN', () => {
  const ipv6 = [{ type: 'multiprotocol', afi: 2, safi: 1 } as const];
  it.each([
    ['of version 3', {}, openHex({ version: 3 }), notificationHex(2, 1, '0004'), 'BGP version 3'],
    ['from another AS', {}, openHex({ myAs: 65003 }), notificationHex(2, 2), 'peer is in AS 65003, not 65002; sent'],
    ['from AS 0', {}, openHex({ myAs: 0 }), notificationHex(2, 2), 'peer claims AS 0'],
    ['with identifier 0', {}, openHex({ bgpIdentifier: 0 }), notificationHex(2, 3), 'BGP identifier is zero'],
    [
      'with our own identifier, from our AS',
      { peerAsn: 65001 },
      openHex({ myAs: 65001, bgpIdentifier: 1 }),
      notificationHex(2, 3),
      'BGP identifier is our own',
    ],
    ['with hold time 1', {}, openHex({ holdTimeSec: 1 }), notificationHex(2, 6), 'hold time of 1 s'],
    ['with hold time 2', {}, openHex({ holdTimeSec: 2 }), notificationHex(2, 6), 'hold time of 2 s'],
    [
      'for another family',
      {},
      openHex({ capabilities: ipv6 }),
      notificationHex(2, 7, '010400010001'),
      'no address family in common',
    ],
    [
      'with an authentication parameter',
      {},
      messageHex(1, '04 fdea 005a 00000002 03 0101ff'.replaceAll(' ', '')),
      notificationHex(2, 4),
      'optional parameter 1',
    ],
    [
      'with a parameter that overruns',
      {},
      messageHex(1, '04 fdea 005a 00000002 03 020900'.replaceAll(' ', '')),
      notificationHex(2, 0),
      'malformed',
    ],
  ])('%s', (_, settings, open, answer, reason) => {
    expectEnd(new Script(settings).to('OpenSent').says(open), answer, reason);
  });

  it('with our own identifier is fine from another AS (RFC 6286)', () => {
    expect(new Script().to('Established', openHex({ bgpIdentifier: 1 })).session.state).toBe('Established');
  });

  it('without capabilities means IPv4 and two-octet AS numbers', () => {
    const s = new Script().to('Established', openHex({ capabilities: [] }));
    expect(s.session.agreement?.context).toMatchObject({ fourOctetAs: false, families: ['ipv4'] });
  });
});

describe('a message that must not come in a state (RFC 6608: with its type as data)', () => {
  const update = updateHex('', ATTRIBUTES, PREFIX);
  const refresh = messageHex(5, '00010001');
  it.each([
    ['KEEPALIVE', 'OpenSent', keepalive, notificationHex(5, 1, '04')],
    ['UPDATE', 'OpenSent', update, notificationHex(5, 1, '02')],
    ['ROUTE-REFRESH', 'OpenSent', refresh, notificationHex(5, 1, '05')],
    ['OPEN', 'OpenConfirm', openHex(), notificationHex(5, 2, '01')],
    ['a faulty OPEN', 'OpenConfirm', openHex({ version: 9 }), notificationHex(5, 2, '01')],
    ['UPDATE', 'OpenConfirm', update, notificationHex(5, 2, '02')],
    ['a malformed UPDATE', 'OpenConfirm', updateHex('', 'ff', ''), notificationHex(5, 2, '02')],
    ['ROUTE-REFRESH', 'OpenConfirm', refresh, notificationHex(5, 2, '05')],
    ['OPEN', 'Established', openHex(), notificationHex(5, 3, '01')],
    ['a faulty OPEN', 'Established', openHex({ holdTimeSec: 1 }), notificationHex(5, 3, '01')],
  ] as const)('%s in %s', (_, state, hex, answer) => {
    expectEnd(new Script().to(state).says(hex), answer, /^sent Finite State Machine Error/);
  });
});

describe('an UPDATE', () => {
  it.each([
    ['attributes that overrun', messageHex(2, '0000000540'), notificationHex(3, 1), 'attributes overrun the message'],
    ['withdrawn routes that overrun', messageHex(2, '00090000'), notificationHex(3, 1), 'withdrawn routes overrun'],
    ['a prefix longer than 32', updateHex('', ATTRIBUTES, '2101020304ff'), notificationHex(3, 10), 'malformed prefix'],
    ['a withdrawn prefix cut short', updateHex('2001', '', ''), notificationHex(3, 10), 'malformed prefix'],
  ])('with %s ends the session', (_, hex, answer, reason) => {
    expectEnd(new Script().to('Established').says(hex), answer, reason);
  });

  it('with a faulty attribute costs its routes and nothing else (RFC 7606)', () => {
    const s = new Script().to('Established', openHex());
    s.says(updateHex('', `40010107${ATTRIBUTES.slice(8)}`, PREFIX));
    expect(s.session.state).toBe('Established');
    const [update] = s.actions.filter((a) => a.type === 'update');
    expect(update?.update).toMatchObject({ reach: [], unreach: [{ family: 'ipv4' }], faults: [{ code: 1 }] });
  });

  it('that follows a withdrawal of the last route with its attributes keeps them', () => {
    const s = new Script().to('Established');
    s.says(updateHex('', ATTRIBUTES, PREFIX) + updateHex(PREFIX, '', '') + updateHex('', ATTRIBUTES, PREFIX));
    const ids = s.actions.flatMap((a) => (a.type === 'update' ? a.update.reach.map((r) => r.attributes) : []));
    expect(ids).toHaveLength(2);
    // The host is done with the first before it sees the second.
    s.attributes.release(ids[0]!);
    expect(toHex(s.attributes.view(ids[1]!))).toBe(ATTRIBUTES);
    s.attributes.release(ids[1]!);
    expect(s.attributes.size).toBe(0);
  });

  it('behind a fault in the same octets does not count', () => {
    const s = new Script().to('Established');
    s.says(messageHex(9) + updateHex('', ATTRIBUTES, PREFIX));
    expect(s.actions.filter((a) => a.type === 'update')).toEqual([]);
    expect(s.session.received.update).toBe(0);
  });
});

describe('a NOTIFICATION', () => {
  it.each(['OpenSent', 'OpenConfirm', 'Established'] as const)(
    'ends the session in %s and is never answered',
    (state) => {
      const s = new Script().to(state);
      const before = s.sent.get(s.connection)!.length;
      s.says(notificationHex(6, 2, `05${toHex(new TextEncoder().encode('night'))}`));
      expect(s.sent.get(s.connection)).toHaveLength(before);
      expect(s.closed).toContain(s.connection);
      expect(s.session.state).toBe('Idle');
      expect(s.reason).toBe('received Cease/Administrative Shutdown: night');
    },
  );

  it('with an unknown code is reported as it came', () => {
    const s = new Script().to('Established').says(notificationHex(77, 3));
    expect(s.reason).toBe('received code 77/subcode 3');
  });

  it('about the version is no different', () => {
    const s = new Script().to('OpenSent').says(notificationHex(2, 1, '0003'));
    expect(s.session.state).toBe('Idle');
    expect(s.reason).toBe('received OPEN Message Error/Unsupported Version');
  });
});

describe('timers', () => {
  it('end OpenSent after four minutes without an OPEN', () => {
    const s = connected().pass(239_999);
    expect(s.session.state).toBe('OpenSent');
    expectEnd(s.pass(1), notificationHex(4, 0), 'hold timer expired: the peer was silent; sent Hold Timer Expired');
  });

  it('end OpenConfirm and Established after the hold time', () => {
    for (const state of ['OpenConfirm', 'Established'] as const) {
      const s = new Script().to(state, openHex({ holdTimeSec: 9 })).pass(8_999);
      expect(s.session.state).toBe(state);
      expectEnd(s.pass(1), notificationHex(4, 0), 'hold timer expired: the peer was silent');
    }
  });

  it('end Established when the transport takes nothing for eight minutes (RFC 9687)', () => {
    const s = new Script().to('Established');
    for (let i = 0; i < 7; i++) s.pass(60_000).says(keepalive);
    s.pass(59_999);
    expect(s.session.state).toBe('Established');
    expectEnd(s.pass(1), notificationHex(8, 0), 'send hold timer expired: the peer does not read');
  });

  it('wait for the transport for ever without a hold time (RFC 9687 §4.3)', () => {
    const s = new Script({ holdTimeSec: 0 }).to('Established', openHex({ holdTimeSec: 0 })).pass(86_400_000);
    expect(s.session.state).toBe('Established');
    s.taken().pass(86_400_000);
    expect(s.session.state).toBe('Established');
    expect(s.session.nextDue).toBeUndefined();
  });

  it('wait twice the hold time for the transport when that is longer, anew after each send', () => {
    const s = new Script({ holdTimeSec: 600 }).to('Established', openHex({ holdTimeSec: 600 }));
    s.taken().taken().taken(); // OPEN, KEEPALIVE, End-of-RIB
    const hear = (n: number) => {
      for (let i = 0; i < n; i++) s.pass(100_000).says(keepalive);
    };
    hear(11); // the first KEEPALIVE waits since 150 to 200 s
    expect(s.session.state).toBe('Established');
    s.taken();
    hear(11);
    expect(s.session.state).toBe('Established');
    hear(2);
    const down = s.actions.find((a) => a.type === 'state' && a.from === 'Established');
    expect(down).toMatchObject({ reason: expect.stringMatching('^send hold timer expired: the peer does not read') });
  });
});

describe('our own end of it', () => {
  const cease = (subcode: number, data?: Uint8Array) => notification(ErrorCode.cease, subcode, data);
  const text = 'Wartung: zurück um 6';
  it.each([
    ['administrative shutdown', undefined, notificationHex(6, 2)],
    ['the peer was taken out', cease(Cease.peerDeconfigured), notificationHex(6, 3)],
    ['its configuration changed', cease(Cease.otherConfigurationChange), notificationHex(6, 6)],
    [
      'shutdown with a communication (RFC 9003)',
      cease(Cease.administrativeShutdown, shutdownData(text)),
      notificationHex(6, 2, `15${toHex(new TextEncoder().encode(text))}`),
    ],
  ])('%s', (_, n, answer) => {
    for (const state of ['OpenSent', 'OpenConfirm', 'Established'] as const) {
      const s = new Script().to(state).tell({ type: 'stop', ...(n && { notification: n }) });
      expectEnd(s, answer, /^stopped; sent Cease/);
      expect(s.session.nextDue).toBeUndefined();
    }
  });

  it('says nothing while there is nobody to say it to', () => {
    const dialling = new Script().start().tell({ type: 'stop' });
    expect(dialling.sent.size).toBe(0);
    expect(dialling.closed).toContain(dialling.connection);
    const waiting = new Script({ passive: true }).start().tell({ type: 'stop' });
    expect(waiting.actions.map((a) => a.type)).toEqual(['state', 'state']);
    for (const s of [dialling, waiting]) {
      expect(s.session.nextDue).toBeUndefined();
      expect(s.reason).toBe('stopped');
    }
  });
});

describe('a call', () => {
  it('while Established is told 6/7, and the session goes on', () => {
    const s = new Script().to('Established');
    const first = s.connection;
    s.calls();
    expect(s.last()).toBe(notificationHex(6, 7));
    expect(s.closed).toContain(s.connection);
    expect(s.closed).not.toContain(first);
    expect(s.session.state).toBe('Established');
    expect(s.session.sent.notification).toBe(1);
  });

  it('before the start and after the end is told 6/5', () => {
    const s = new Script().calls();
    expect(s.last()).toBe(notificationHex(6, 5));
    s.start().tell({ type: 'stop' }).calls();
    expect(s.last()).toBe(notificationHex(6, 5));
    expect(s.closed).toContain(s.connection);
    expect(s.session.nextDue).toBeUndefined();
  });

  it('is the third when two are open already: told 6/5 once the second got anywhere', () => {
    const s = new Script({ routerId: 9 }).start();
    const own = s.connection;
    s.connected().calls().says(openHex()).calls();
    expect(s.last()).toBe(notificationHex(6, 5));
    expect(s.closed).not.toContain(own);
  });

  it('takes the place of an earlier one that led nowhere', () => {
    const s = new Script({ routerId: 9 }).start().calls();
    const dead = s.connection;
    s.calls();
    expect(s.last(dead)).toBe(notificationHex(6, 7));
    expect(s.closed).toContain(dead);
    s.says(openHex()).says(keepalive);
    expect(s.session.state).toBe('Established');
  });

  it('takes the place of an earlier one of the peer in OpenConfirm, whoever has the higher identifier', () => {
    for (const routerId of [1, 9]) {
      const s = new Script({ routerId, passive: true }).start().calls().says(openHex());
      const dead = s.connection;
      s.calls().says(openHex()).says(keepalive);
      expect(s.last(dead)).toBe(notificationHex(6, 7));
      expect(s.session.state).toBe('Established');
      expect(s.session.flaps).toBe(0);
    }
  });
});

describe('two connections', () => {
  /** Our own in OpenConfirm, the peer's open beside it. */
  const beside = (routerId: number) => {
    const s = new Script({ routerId }).start().connected();
    const own = s.connection;
    s.says(openHex()).calls().says(openHex());
    return { s, own, theirs: s.connection };
  };

  it('become one at once where ours is to stay', () => {
    const { s, own, theirs } = beside(9);
    expect(s.last(theirs)).toBe(notificationHex(6, 7));
    s.says(keepalive, own);
    expect(s.session.state).toBe('Established');
    expect(s.reason).toBe('');
  });

  it('wait for the peer where its own is to stay: it closes ours', () => {
    const { s, own, theirs } = beside(1);
    expect(s.sent.get(theirs)).toHaveLength(1);
    s.says(notificationHex(6, 7), own);
    expect(s.sent.get(theirs)!.slice(1)).toEqual([keepalive]);
    s.says(keepalive, theirs);
    expect(s.session.state).toBe('Established');
    expect(s.reason).toBe('');
  });

  it('wait for the peer where its own is to stay: it answers there', () => {
    const { s, own, theirs } = beside(1);
    s.says(keepalive, theirs);
    expect(s.last(own)).toBe(notificationHex(6, 7));
    expect(s.closed).toContain(own);
    expect(s.sent.get(theirs)![1]).toBe(keepalive);
    expect(s.session.state).toBe('Established');
  });

  it('wait for the peer where its own is to stay: it takes ours', () => {
    const { s, own, theirs } = beside(1);
    s.says(keepalive, own);
    expect(s.session.state).toBe('Established');
    expect(s.closed.size).toBe(0);
    s.says(notificationHex(6, 7), theirs);
    expect(s.session.state).toBe('Established');
    expect(s.sent.get(theirs)).toHaveLength(1);
    expect(s.session.flaps).toBe(0);
  });

  it('wait for the peer, but not without end, and not for nonsense', () => {
    for (const end of [
      (s: Script, own: number) => {
        for (let i = 0; i < 9; i++) s.pass(30_000).says(keepalive, own);
      },
      (s: Script, _: number, theirs: number) => s.says(openHex(), theirs),
    ]) {
      const { s, own, theirs } = beside(1);
      s.says(keepalive, own);
      end(s, own, theirs);
      expect(s.closed).toEqual(new Set([theirs]));
      expect(s.session.state).toBe('Established');
    }
  });

  it('are both stopped, one that waits without an answer', () => {
    const { s, own, theirs } = beside(1);
    s.tell({ type: 'stop' });
    for (const c of [own, theirs]) expect(s.last(c)).toBe(notificationHex(6, 2));
    expect(s.sent.get(theirs)).toHaveLength(2);
    expect(s.session.nextDue).toBeUndefined();
    expect(s.session.state).toBe('Idle');
  });

  it('are not made where the peer’s own is confirmed before our dial is answered', () => {
    const s = new Script({ routerId: 9 }).start();
    const own = s.connection;
    s.calls().says(openHex());
    expect(s.closed).toEqual(new Set([own]));
    expect(s.session.state).toBe('OpenConfirm');
  });

  it('fail one by one: only the last is a failure', () => {
    const s = new Script({ routerId: 9 }).start().connected();
    const own = s.connection;
    s.calls().says(messageHex(9));
    expect(s.session.state).toBe('OpenSent');
    s.says(messageHex(9), own);
    expect(s.session.state).toBe('Idle');
    expect(s.session.nextDue! - s.now).toBeLessThanOrEqual(500);
  });
});

describe('a call during idle hold', () => {
  const held = () => new Script().to('Established').hangsUp();

  it('waits for its end, and is taken then with what it said', () => {
    const s = held();
    expect(s.session.state).toBe('Idle');
    s.calls().says(openHex().slice(0, 40)).says(openHex().slice(40));
    expect(s.sent.has(s.connection)).toBe(false);
    s.pass(499);
    expect(s.session.state).toBe('OpenConfirm');
    // Nobody is dialled beside it.
    expect(s.actions.filter((a) => a.type === 'dial')).toHaveLength(1);
    s.says(keepalive);
    expect(s.session.state).toBe('Established');
  });

  it('is damped like any other: an unfinished one is not answered before', () => {
    const s = held().calls().says(openHex());
    const due = s.session.nextDue! - s.now;
    expect(due).toBeGreaterThanOrEqual(375);
    s.pass(due - 1);
    expect(s.session.state).toBe('Idle');
    expect(s.sent.has(s.connection)).toBe(false);
  });

  it('may end before: then we dial', () => {
    const s = held().calls().hangsUp().pass(500);
    expect(s.session.state).toBe('Connect');
  });

  it('is given up for a newer one', () => {
    const s = held().calls();
    const first = s.connection;
    s.calls();
    expect(s.last(first)).toBe(notificationHex(6, 5));
    s.says(openHex()).pass(500);
    expect(s.session.state).toBe('OpenConfirm');
  });

  it('is refused when it says more than an OPEN can hold', () => {
    const s = held().calls();
    for (let i = 0; i < 64; i++) s.says('ff'.repeat(64));
    expect(s.last()).toBeUndefined();
    s.says('ff');
    expect(s.last()).toBe(notificationHex(6, 5));
    expect(s.closed).toContain(s.connection);
    s.says(openHex()).pass(500);
    expect(s.session.state).toBe('Connect');
  });

  it('is refused when the session is stopped', () => {
    const s = held().calls().tell({ type: 'stop' });
    expect(s.last()).toBe(notificationHex(6, 5));
    expect(s.session.nextDue).toBeUndefined();
  });

  it('that errs starts the next idle hold', () => {
    const s = held().calls().says('00').pass(500);
    expect(s.last()).toBe(notificationHex(1, 1));
    expect(s.session.state).toBe('Idle');
    expect(s.session.nextDue! - s.now).toBeGreaterThan(0);
  });
});

describe('reasons', () => {
  it('say why a dial failed', () => {
    const s = new Script().start().hangsUp(undefined, 'no route to the peer');
    expect(s.session.state).toBe('Active');
    expect(s.reason).toBe('no route to the peer');
    expect(s.actions.at(-1)).toMatchObject({ type: 'state', to: 'Active', reason: 'no route to the peer' });
  });

  it('say that a dial got no answer, and dial again', () => {
    const s = new Script().start().pass(5_000);
    expect(s.reason).toBe('no answer to the TCP connection attempt');
    expect(s.session.state).toBe('Connect');
    expect(s.actions.map((a) => a.type)).toEqual(['dial', 'state', 'close', 'dial']);
  });

  it('suspect the configuration of a peer that hangs up on our OPEN', () => {
    const s = connected().hangsUp();
    expect(s.reason).toMatch('without an OPEN: is it configured');
    expect(s.session.state).toBe('Active');
  });

  it('stand beside the state in which a session ends, whatever comes next', () => {
    const s = new Script().to('Established').hangsUp(undefined, 'connection reset by the peer');
    expect(s.actions.at(-1)).toMatchObject({ from: 'Established', to: 'Idle', reason: 'connection reset by the peer' });
    expect(s.session.flaps).toBe(1);
  });
});

describe('events that come at odd times', () => {
  it('count for nothing on a connection that is over', () => {
    const s = new Script().start();
    const given = s.connection;
    s.pass(5_000); // the dial was given up, and made anew
    const { length } = s.actions;
    s.connected(given).says(openHex(), given).taken(given).hangsUp(given);
    expect(s.actions).toHaveLength(length);
    expect(s.session.state).toBe('Connect');
  });

  it('count for nothing after a stop', () => {
    const s = new Script().start().tell({ type: 'stop' });
    const { length } = s.actions;
    s.connected().says(openHex()).hangsUp().pass(1e9);
    expect(s.actions).toHaveLength(length);
  });

  it('do not start a session twice', () => {
    const s = new Script().to('Established').hangsUp();
    s.start();
    expect(s.session.state).toBe('Idle');
    s.pass(500).connected().says(openHex()).says(keepalive).pass(60_000).says(keepalive);
    expect(s.session.state).toBe('Established');
  });

  it('let a stopped session start again', () => {
    const s = new Script().to('Established').tell({ type: 'stop' }).start();
    expect(s.session.state).toBe('Connect');
    s.connected().says(openHex()).says(keepalive);
    expect(s.session.state).toBe('Established');
  });

  it('ticks that come early change nothing', () => {
    const s = new Script().to('Established');
    const { length } = s.actions;
    for (let i = 0; i < 100; i++) s.tell({ type: 'tick' });
    expect(s.actions).toHaveLength(length);
  });

  it('report Established with its agreement even when it ends in the same octets', () => {
    const s = new Script().to('OpenConfirm');
    s.says(keepalive + messageHex(7));
    const [up, down] = s.actions.filter((a) => a.type === 'state').slice(-2);
    expect(up).toMatchObject({ to: 'Established', agreement: { peerRouterId: 2, peerAsn: 65002 } });
    expect(down).toMatchObject({ from: 'Established', to: 'Idle' });
  });
});

describe('settings taken over while the session goes on', () => {
  it('show, and change the next dial', () => {
    const s = new Script().to('Established');
    s.session.retune(settingsOf({ connectRetrySec: 7 }));
    expect(s.session.settings.connectRetrySec).toBe(7);
    expect(s.session.state).toBe('Established');
    s.hangsUp().pass(500).hangsUp(undefined, 'connection refused');
    expect(s.session.state).toBe('Active');
    expect(s.session.nextDue! - s.now).toBe(7_000 * 0.875);
  });

  it('cut a wait between two dials short that is under way, and make none longer', () => {
    const s = new Script({ connectRetrySec: 36_000 }).start().hangsUp(undefined, 'connection refused');
    s.session.retune(settingsOf({ connectRetrySec: 72_000 }));
    expect(s.session.nextDue! - s.now).toBe(36_000_000 * 0.875);
    s.session.retune(settingsOf({ connectRetrySec: 5 }));
    const first = s.connection;
    s.pass(4_999);
    expect([s.session.state, s.connection]).toEqual(['Active', first]);
    s.pass(1);
    expect(s.session.state).toBe('Connect');
    expect(s.connection).not.toBe(first);
  });
});
