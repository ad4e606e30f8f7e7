/**
 * Graceful restart, the helper's side (RFC 4724 §4.2): what becomes of a peer's routes when its session ends and comes
 * back. Pure: `step` takes what happened and gives the next state and what is to be done with the routes.
 *
 *   none ──lost──► waiting ──up──► resyncing ──End-of-RIB of each family──► none
 *                     │ restart timer          │ stale-path timer
 *                     ▼                        ▼
 *                 withdrawn, or long-lived (RFC 9494) until its own timer
 *
 * Routes are kept only for families that the peer listed in its capability, and only when the session ended in a way
 * that a restart ends it: the TCP connection went away, or, where both sides announced the N bit (RFC 8538 §4), also by
 * NOTIFICATION other than a Hard Reset, or by the hold timer.
 *
 * The long-lived time is one, however often the session comes and goes before the peer has sent all again: until then
 * nothing is deleted, and the timer runs on (RFC 9494 §4.2).
 *
 * The marks around a refresh (RFC 7313 §4) are a small restart of one family during a session: what was there is stale from
 * the first to the last.
 */
import { type Capability, lastOf } from './capability.ts';
import { type AddressFamily, familyOf } from './const.ts';
import { Cease, ErrorCode, type Notification, notification } from './errors.ts';
import type { Agreement } from './handshake.ts';

/** How a session ended, as far as graceful restart tells apart. */
export type Loss = 'connection' | 'notification' | 'hold' | 'hardReset' | 'stopped' | 'path';

export type RestartTimer = 'restart' | 'stalePath' | `longLived ${AddressFamily}` | `refresh ${AddressFamily}`;

export type RestartEvent =
  | { readonly type: 'lost'; readonly loss: Loss; readonly agreement: Agreement }
  | { readonly type: 'up'; readonly agreement: Agreement }
  /** The peer is not just restarting: nothing can be forwarded to it (RFC 5882 §4.3.2.1). */
  | { readonly type: 'pathDown' }
  | { readonly type: 'endOfRib'; readonly family: AddressFamily }
  | { readonly type: 'beginOfRefresh'; readonly family: AddressFamily }
  | { readonly type: 'endOfRefresh'; readonly family: AddressFamily }
  | { readonly type: 'expired'; readonly timer: RestartTimer };

export type RestartAction =
  /** The peer's routes of the family stay in use, as stale ones. */
  | { readonly type: 'markStale'; readonly family: AddressFamily }
  /** As `markStale`, but those already stale stay, too. */
  | { readonly type: 'addStale'; readonly family: AddressFamily }
  /** Those still stale go. */
  | { readonly type: 'sweepStale'; readonly family: AddressFamily }
  /** Those still stale stay as a last resort; those with NO_LLGR go (RFC 9494 §4.3). */
  | { readonly type: 'longLived'; readonly family: AddressFamily }
  /** The peer's routes of the family go at once. */
  | { readonly type: 'withdraw'; readonly family: AddressFamily }
  | { readonly type: 'arm'; readonly timer: RestartTimer; readonly ms: number }
  | { readonly type: 'disarm'; readonly timer: RestartTimer };

export interface RestartState {
  /** Families with stale routes. */
  readonly stale: readonly AddressFamily[];
  /** Of those, the ones past the restart time, and how long each may be kept in all. */
  readonly longLived: readonly AddressFamily[];
  /** Families whose long-lived time ended before the peer had sent all again. */
  readonly lapsed: readonly AddressFamily[];
  /** The peer's promise, from the session that ended. */
  readonly longLivedMs: Readonly<Partial<Record<AddressFamily, number>>>;
  readonly up: boolean;
  /** Families that the peer is sending anew, during a session. */
  readonly refreshing: readonly AddressFamily[];
}

export const NO_RESTART: RestartState = {
  stale: [],
  longLived: [],
  lapsed: [],
  longLivedMs: {},
  up: false,
  refreshing: [],
};

/** Nobody is trusted to resend its table for longer than this, ms (RFC 4724 §4.2 and RFC 7313 §4 ask for a limit of ours). */
const STALE_PATH_MS = 360_000;
const families = ['ipv4', 'ipv6'] as const satisfies readonly AddressFamily[];

/** What a peer's capability promises for each family; forwarding is the F bit. */
function promised(received: readonly Capability[]): Partial<Record<AddressFamily, { readonly forwarding: boolean }>> {
  const out: Partial<Record<AddressFamily, { readonly forwarding: boolean }>> = {};
  for (const { afi, safi, forwarding } of lastOf(received, 'gracefulRestart')?.families ?? []) {
    const family = familyOf(afi, safi);
    if (family) out[family] = { forwarding };
  }
  return out;
}

/** What the long-lived capability lists; without the other one it counts for nothing (RFC 9494 §4.5). */
const longLivedOf = (received: readonly Capability[]) =>
  (lastOf(received, 'gracefulRestart') && lastOf(received, 'longLivedGracefulRestart')?.families) ?? [];

/** The F bits that it has of its own. */
const forwardsLongLived = (received: readonly Capability[], family: AddressFamily): boolean =>
  longLivedOf(received).some(({ afi, safi, forwarding }) => forwarding && familyOf(afi, safi) === family);

function longLivedTimes(received: readonly Capability[]): Partial<Record<AddressFamily, number>> {
  const out: Partial<Record<AddressFamily, number>> = {};
  for (const { afi, safi, staleTimeSec } of longLivedOf(received)) {
    const family = familyOf(afi, safi);
    if (family && staleTimeSec > 0) out[family] = staleTimeSec * 1000;
  }
  return out;
}

/** The peer keeps something over a restart of its own: it listed families. */
export const restarts = ({ received }: Agreement): boolean =>
  (lastOf(received, 'gracefulRestart')?.families ?? []).length > 0;

/** RFC 8538 §4: both sides said N, so that more than a broken connection may be the start of a restart. */
const notificationsToo = ({ sent, received }: Agreement): boolean =>
  (lastOf(sent, 'gracefulRestart')?.notification && lastOf(received, 'gracefulRestart')?.notification) === true;

export const isHardReset = (n: Notification): boolean => n.code === ErrorCode.cease && n.subcode === Cease.hardReset;

/**
 * The NOTIFICATION that ends a session for good, inside a Hard Reset where the peer would otherwise take it for the
 * start of a restart and keep our routes (RFC 8538 §3.1, §5.1).
 */
export function farewell(n: Notification, agreement: Agreement | undefined): Notification {
  const ours = agreement && lastOf(agreement.sent, 'gracefulRestart');
  const kept = agreement !== undefined && notificationsToo(agreement) && (ours?.families ?? []).length > 0;
  if (!kept || isHardReset(n)) return n;
  return notification(ErrorCode.cease, Cease.hardReset, Uint8Array.of(n.code, n.subcode, ...n.data));
}

function keeps(loss: Loss, agreement: Agreement): boolean {
  if (loss === 'connection') return true;
  return (loss === 'notification' || loss === 'hold') && notificationsToo(agreement);
}

export function step(state: RestartState, event: RestartEvent): readonly [RestartState, readonly RestartAction[]] {
  switch (event.type) {
    case 'lost':
      return lost(state, event.loss, event.agreement);
    case 'up':
      return up(state, event.agreement);
    case 'pathDown':
      return state.up ? [state, []] : abort(state);
    case 'endOfRib':
      return finish({ ...state, lapsed: state.lapsed.filter((f) => f !== event.family) }, [event.family]);
    case 'beginOfRefresh':
      return refresh(state, event.family);
    case 'endOfRefresh':
      return refreshed(state, event.family);
    case 'expired':
      return expired(state, event.timer);
  }
}

function lost(
  state: RestartState,
  loss: Loss,
  agreement: Agreement,
): readonly [RestartState, readonly RestartAction[]] {
  const { received, context } = agreement;
  const mayKeep = keeps(loss, agreement) ? context.families.filter((f) => !state.lapsed.includes(f)) : [];
  const promise = promised(received);
  const longLivedMs = longLivedTimes(received);
  const restartMs = (lastOf(received, 'gracefulRestart')?.restartTimeSec ?? 0) * 1000;
  const kept = families.filter((f) => mayKeep.includes(f) && (promise[f] || longLivedMs[f] !== undefined));
  const longLived = state.longLived.filter((f) => kept.includes(f));
  const actions: RestartAction[] = timersOff(state, longLived);
  for (const family of families) {
    // RFC 4724 §4.2: what was stale before this session and was not sent again goes when it ends.
    const type = longLived.includes(family) ? 'addStale' : kept.includes(family) ? 'markStale' : 'withdraw';
    actions.push({ type, family });
  }
  if (kept.length === 0) return [NO_RESTART, actions];
  const waiting = kept.filter((f) => restartMs > 0 && promise[f] && !longLived.includes(f));
  // A family that the long-lived capability alone names has no restart time.
  const [next, more] = restartOver(
    { ...NO_RESTART, stale: kept, longLived, longLivedMs },
    kept.filter((f) => !waiting.includes(f) && !longLived.includes(f)),
  );
  actions.push(...more);
  if (waiting.length > 0) actions.push({ type: 'arm', timer: 'restart', ms: restartMs });
  return [next, actions];
}

function up(state: RestartState, agreement: Agreement): readonly [RestartState, readonly RestartAction[]] {
  if (state.stale.length === 0) return [{ ...state, up: true }, []];
  const { received, context } = agreement;
  const promise = promised(received);
  // No F bit, or the family not mentioned any more: the peer forwards nothing of it (RFC 4724 §4.2, RFC 9494 §4.2).
  const forwards = (f: AddressFamily) =>
    state.longLived.includes(f) ? forwardsLongLived(received, f) : promise[f]?.forwarding;
  const gone = state.stale.filter((f) => !forwards(f) || !context.families.includes(f));
  const [next, actions] = finish({ ...state, up: true }, gone);
  const off: RestartAction = { type: 'disarm', timer: 'restart' };
  if (next.stale.length === 0) return [next, [off, ...actions]];
  return [next, [off, ...actions, { type: 'arm', timer: 'stalePath', ms: STALE_PATH_MS }]];
}

/** What was kept goes. */
function abort(state: RestartState): readonly [RestartState, readonly RestartAction[]] {
  const gone = state.stale.map((family): RestartAction => ({ type: 'withdraw', family }));
  return [NO_RESTART, [...timersOff(state), ...gone]];
}

/** Ends the stale time of these families. */
function finish(
  state: RestartState,
  done: readonly AddressFamily[],
): readonly [RestartState, readonly RestartAction[]] {
  const ending = state.stale.filter((f) => done.includes(f));
  if (ending.length === 0) return [state, []];
  const stale = state.stale.filter((f) => !done.includes(f));
  const longLived = state.longLived.filter((f) => !done.includes(f));
  const actions: RestartAction[] = ending.map((family) => ({ type: 'sweepStale', family }));
  for (const family of ending)
    if (state.longLived.includes(family)) actions.push({ type: 'disarm', timer: `longLived ${family}` });
  if (stale.length === 0 && state.up) actions.push({ type: 'disarm', timer: 'stalePath' });
  return [{ ...state, stale, longLived }, actions];
}

function longLivedOver(state: RestartState, family: AddressFamily): readonly [RestartState, readonly RestartAction[]] {
  const [next, actions] = finish(state, [family]);
  // What the peer has sent of it so far is not the whole: it goes when the session does.
  return [state.up ? { ...next, lapsed: [...next.lapsed, family] } : next, actions];
}

function expired(state: RestartState, timer: RestartTimer): readonly [RestartState, readonly RestartAction[]] {
  if (timer === 'stalePath') return finish(state, state.stale);
  if (timer === 'refresh ipv4' || timer === 'refresh ipv6') return refreshed(state, familyOfTimer(timer));
  if (timer !== 'restart') return longLivedOver(state, familyOfTimer(timer));
  return restartOver(
    state,
    state.stale.filter((f) => !state.longLived.includes(f)),
  );
}

/** Families past their restart time are kept for the long-lived one, or go. */
function restartOver(
  state: RestartState,
  over: readonly AddressFamily[],
): readonly [RestartState, readonly RestartAction[]] {
  const kept = over.filter((f) => state.longLivedMs[f] !== undefined);
  const [next, actions] = finish(
    state,
    over.filter((f) => !kept.includes(f)),
  );
  const more = kept.flatMap((family): RestartAction[] => [
    { type: 'longLived', family },
    { type: 'arm', timer: `longLived ${family}`, ms: state.longLivedMs[family]! },
  ]);
  return [{ ...next, longLived: [...next.longLived, ...kept] }, [...actions, ...more]];
}

/** RFC 7313 §4. A second mark before the end changes nothing: what came since the first is not sent again for sure. */
function refresh(state: RestartState, family: AddressFamily): readonly [RestartState, readonly RestartAction[]] {
  const { up: isUp, stale, refreshing } = state;
  // What is left from before a restart waits for End-of-RIB, which comes before any refresh.
  if (!isUp || stale.includes(family) || refreshing.includes(family)) return [state, []];
  const timer: RestartTimer = `refresh ${family}`;
  return [
    { ...state, refreshing: [...refreshing, family] },
    [
      { type: 'markStale', family },
      { type: 'arm', timer, ms: STALE_PATH_MS },
    ],
  ];
}

function refreshed(state: RestartState, family: AddressFamily): readonly [RestartState, readonly RestartAction[]] {
  const { refreshing } = state;
  if (!refreshing.includes(family)) return [state, []];
  return [
    { ...state, refreshing: refreshing.filter((f) => f !== family) },
    [
      { type: 'sweepStale', family },
      { type: 'disarm', timer: `refresh ${family}` },
    ],
  ];
}

const familyOfTimer = (timer: `${string} ${AddressFamily}`): AddressFamily =>
  timer.endsWith('ipv4') ? 'ipv4' : 'ipv6';

/** @param but families whose long-lived time goes on */
function timersOff(state: RestartState, but: readonly AddressFamily[] = []): RestartAction[] {
  const { stale, longLived, up: wasUp, refreshing } = state;
  const ended = longLived.filter((f) => !but.includes(f));
  const off = [
    ...ended.map((family): RestartAction => ({ type: 'disarm', timer: `longLived ${family}` })),
    ...refreshing.map((family): RestartAction => ({ type: 'disarm', timer: `refresh ${family}` })),
  ];
  if (stale.length > 0) off.push({ type: 'disarm', timer: wasUp ? 'stalePath' : 'restart' });
  return off;
}
