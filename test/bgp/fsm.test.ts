import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cease, ErrorCode, notification } from '../../src/bgp/errors.ts';
import { type EventName, type FsmAction, type FsmEvent, type State, states, step } from '../../src/bgp/fsm.ts';

const fault = notification(ErrorCode.update, 1);
const goodbye = notification(ErrorCode.cease, Cease.peerDeconfigured);

/** One sample of every event, in the order of RFC 4271 §8.1. */
const events: { readonly [E in EventName]: Extract<FsmEvent, { type: E }> } = {
  ManualStart: { type: 'ManualStart' },
  ManualStop: { type: 'ManualStop' },
  ManualStart_with_PassiveTcpEstablishment: { type: 'ManualStart_with_PassiveTcpEstablishment' },
  AutomaticStop: { type: 'AutomaticStop', notification: goodbye },
  ConnectRetryTimer_Expires: { type: 'ConnectRetryTimer_Expires' },
  HoldTimer_Expires: { type: 'HoldTimer_Expires' },
  KeepaliveTimer_Expires: { type: 'KeepaliveTimer_Expires' },
  IdleHoldTimer_Expires: { type: 'IdleHoldTimer_Expires', passive: false },
  TcpConnected: { type: 'TcpConnected' },
  TcpConnectionFails: { type: 'TcpConnectionFails' },
  BGPOpen: { type: 'BGPOpen', holdMs: 90_000, keepaliveMs: 30_000 },
  BGPHeaderErr: { type: 'BGPHeaderErr', notification: fault },
  BGPOpenMsgErr: { type: 'BGPOpenMsgErr', notification: fault },
  OpenCollisionDump: { type: 'OpenCollisionDump' },
  NotifMsgVerErr: { type: 'NotifMsgVerErr' },
  NotifMsg: { type: 'NotifMsg' },
  KeepAliveMsg: { type: 'KeepAliveMsg' },
  UpdateMsg: { type: 'UpdateMsg' },
  UpdateMsgErr: { type: 'UpdateMsgErr', notification: fault },
  SendHoldTimer_Expires: { type: 'SendHoldTimer_Expires' },
  RouteRefreshMsg: { type: 'RouteRefreshMsg' },
  BfdDown: { type: 'BfdDown', notification: notification(ErrorCode.cease, Cease.bfdDown) },
};

/**
 * The whole table, written down a second time: event, then what each state makes of it. `.` leaves everything as it
 * is; `!` is the Finite State Machine Error of that state; otherwise NEXT: what is done, in order.
 */
const expected = `
ManualStart
  Idle         Connect: connectRetry+ dial
  others       .
ManualStop
  Idle         Idle: idleHold-
  Connect      Idle: connectRetry- drop
  Active       Idle: connectRetry- drop
  OpenSent     Idle: send(6/2) connectRetry- drop
  OpenConfirm  Idle: send(6/2) connectRetry- drop
  Established  Idle: send(6/2) connectRetry- drop
ManualStart_with_PassiveTcpEstablishment
  Idle         Active:
  others       .
AutomaticStop
  Idle         .
  Connect      Idle: connectRetry- drop
  Active       Idle: connectRetry- drop
  OpenSent     Idle: send(6/3) connectRetry- drop
  OpenConfirm  Idle: send(6/3) connectRetry- drop
  Established  Idle: send(6/3) connectRetry- drop
ConnectRetryTimer_Expires
  Idle         .
  Connect      Connect: drop connectRetry+ dial
  Active       Connect: connectRetry+ dial
  others       !
HoldTimer_Expires
  Idle         .
  Connect      .
  Active       .
  others       Idle: send(4/0) connectRetry- drop damp
KeepaliveTimer_Expires
  Idle         .
  Connect      .
  Active       .
  OpenSent     !
  OpenConfirm  OpenConfirm: keepalive keepalive+
  Established  Established: keepalive keepalive+
IdleHoldTimer_Expires
  Idle         Connect: connectRetry+ dial
  Connect      .
  Active       .
  others       !
TcpConnected
  Idle         .
  Connect      OpenSent: connectRetry- open hold+240000
  Active       OpenSent: connectRetry- open hold+240000
  others       !
TcpConnectionFails
  Idle         .
  Connect      Active: drop connectRetry+
  Active       Idle: connectRetry- drop damp
  OpenSent     Active: drop connectRetry+
  OpenConfirm  Idle: connectRetry- drop damp
  Established  Idle: connectRetry- drop damp
BGPOpen
  Idle         .
  Connect      .
  Active       .
  OpenSent     OpenConfirm: keepalive keepalive+30000 hold+90000
  OpenConfirm  !
  Established  !
BGPHeaderErr
  Idle         .
  Connect      .
  Active       .
  others       Idle: send(3/1) connectRetry- drop damp
BGPOpenMsgErr
  Idle         .
  Connect      .
  Active       .
  OpenSent     Idle: send(3/1) connectRetry- drop damp
  OpenConfirm  Idle: send(3/1) connectRetry- drop damp
  Established  !
OpenCollisionDump
  Idle         .
  Connect      .
  Active       .
  others       Idle: send(6/7) connectRetry- drop
NotifMsgVerErr
  Idle         .
  Connect      .
  Active       .
  others       Idle: connectRetry- drop damp
NotifMsg
  Idle         .
  Connect      .
  Active       .
  others       Idle: connectRetry- drop damp
KeepAliveMsg
  Idle         .
  Connect      .
  Active       .
  OpenSent     !
  OpenConfirm  Established: hold+
  Established  Established: hold+
UpdateMsg
  Idle         .
  Connect      .
  Active       .
  OpenSent     !
  OpenConfirm  !
  Established  Established: hold+
UpdateMsgErr
  Idle         .
  Connect      .
  Active       .
  OpenSent     !
  OpenConfirm  !
  Established  Idle: send(3/1) connectRetry- drop damp
SendHoldTimer_Expires
  Idle         .
  Connect      .
  Active       .
  OpenSent     !
  OpenConfirm  !
  Established  Idle: send(8/0) connectRetry- drop damp
RouteRefreshMsg
  Idle         .
  Connect      .
  Active       .
  OpenSent     !
  OpenConfirm  !
  Established  Established: hold+
BfdDown
  Idle         .
  Connect      .
  Active       .
  OpenSent     Idle: send(6/10) connectRetry- drop damp
  OpenConfirm  Idle: send(6/10) connectRetry- drop damp
  Established  Idle: send(6/10) connectRetry- drop damp
`;

const fsmError: { readonly [S in State]?: string } = {
  OpenSent: 'Idle: send(5/1) connectRetry- drop damp',
  OpenConfirm: 'Idle: send(5/2) connectRetry- drop damp',
  Established: 'Idle: send(5/3) connectRetry- drop damp',
};

function parse(text: string): Map<string, string> {
  const cells = new Map<string, string>();
  let event = '';
  for (const line of text.split('\n').filter((l) => l.trim())) {
    const row = /^ {2}(\w+) +(.*)$/.exec(line);
    if (!row) {
      event = line.trim();
      continue;
    }
    const [, name, outcome] = row;
    for (const state of name === 'others' ? states : [name as State]) {
      const key = `${state} × ${event}`;
      if (cells.has(key)) continue;
      const text = outcome === '!' ? fsmError[state]! : outcome === '.' ? `${state}:` : outcome!;
      cells.set(key, text.trim());
    }
  }
  return cells;
}

function show(next: State, actions: readonly FsmAction[]): string {
  const words = actions.map((a) => {
    switch (a.type) {
      case 'arm':
        return `${a.timer}+${a.ms ?? ''}`;
      case 'disarm':
        return `${a.timer}-`;
      case 'sendNotification':
        return `send(${a.notification.code}/${a.notification.subcode})`;
      case 'sendOpen':
        return 'open';
      case 'sendKeepalive':
        return 'keepalive';
      default:
        return a.type;
    }
  });
  return `${next}: ${words.join(' ')}`.trim();
}

describe('the FSM of RFC 4271 §8', () => {
  const cells = parse(expected);

  it('names every state and event in its table', () => {
    const all = states.flatMap((s) => Object.keys(events).map((e) => `${s} × ${e}`));
    expect([...cells.keys()].sort()).toEqual(all.sort());
  });

  it.each([...cells])('%s', (cell, outcome) => {
    const [state, event] = cell.split(' × ') as [State, EventName];
    expect(show(...step(state, events[event]))).toBe(outcome);
  });

  it('names the message in the data of an FSM error', () => {
    const [, actions] = step('OpenSent', events.UpdateMsg, 2);
    expect(actions[0]).toMatchObject({ notification: { code: 5, subcode: 1, data: Uint8Array.of(2) } });
  });

  it('goes back to a passive start after idle hold where the peer is passive', () => {
    expect(show(...step('Idle', { type: 'IdleHoldTimer_Expires', passive: true }))).toBe('Active:');
  });

  it('keeps its invariants on any walk', () => {
    const event = fc.constantFrom(...Object.values(events));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (walk) => {
        let state: State = 'Idle';
        let connection = false;
        const armed = new Set<string>();
        for (const e of walk) {
          // The host offers a connection only where there is none.
          if (e.type === 'TcpConnected' && state !== 'Connect' && state !== 'Active') continue;
          if (e.type === 'TcpConnected') connection = true;
          const [next, actions] = step(state, e);
          for (const a of actions) {
            if (a.type === 'arm') armed.add(a.timer);
            if (a.type === 'disarm') armed.delete(a.timer);
            if (a.type === 'drop') {
              connection = false;
              for (const t of ['hold', 'keepalive', 'sendHold']) armed.delete(t);
            }
            if (a.type.startsWith('send')) expect(connection, `${state} ${e.type} ${a.type}`).toBe(true);
            if (a.type === 'sendNotification') expect(next).toBe('Idle');
            if (a.type === 'damp') expect(next).toBe('Idle');
          }
          if (next === 'Established') expect(['OpenConfirm', 'Established']).toContain(state);
          state = next;
          const opened = state === 'OpenSent' || state === 'OpenConfirm' || state === 'Established';
          expect(connection, `a connection in ${state}`).toBe(opened);
          expect(armed.has('hold'), `hold timer in ${state}`).toBe(opened);
          if (opened) expect(armed.has('connectRetry')).toBe(false);
        }
      }),
    );
  });
});
