/**
 * The router at the other end of a link, as a pure step machine: who advertises itself there, whether it is the only
 * one, and making ourselves known to it in turn.
 *
 * Only router advertisements count. Solicitations do not: any host's kernel sends them, and would be taken for a second
 * router. They are answered at once, by unicast, and so is the first advertisement of whoever is new: a router that
 * looks for its peer in the same way need not wait for the next periodic one.
 *
 * A *probe* is a round of solicitations, after which those count who spoke since it began: one is found, none or several
 * are a matter for the operator. A probe runs when the link comes up, when somebody new is heard, and when the link has
 * been quiet or ambiguous for a while. Whoever was found stays while it answers, so that a newcomer on the link ends no
 * session; nor can it take the place of one that merely has not spoken for a while.
 */
import { type Address, compareAddresses, isLinkLocal } from '../lib/address.ts';
import { arm, jitter, nextDue, type Timers } from '../lib/timers.ts';
import { allNodes } from './message.ts';
import type { RouterMessage } from './router.ts';

/** RFC 4861 §10: MAX_RTR_SOLICITATIONS, RTR_SOLICITATION_INTERVAL. */
const SOLICITATIONS = 3;
const SOLICIT_MS = 4_000;
/** MAX_RA_DELAY_TIME: by then all who mean to answer a solicitation have done so. */
const SETTLE_MS = 500;
/** Silence after which we ask again; so does ambiguity. */
const QUIET_MS = 60_000;
/** The first advertisements, and their distance; never two to all nodes within MIN_DELAY_BETWEEN_RAS. */
const FIRST_ADVERTISEMENTS = 3;
const FIRST_ADVERTISE_MS = 4_000;
const MIN_ADVERTISE_MS = 3_000;
/** MaxRtrAdvInterval. As FRR does for unnumbered peers: one that was restarted finds us within that time. */
const ADVERTISE_MS = 10_000;
/** Answers by unicast are this far apart at least. */
const ANSWER_MS = 100;
/** Two are too many already: more need not be remembered. */
const MAX_HEARD = 8;

/** Why a neighbour that was found is no longer. */
export type LossReason =
  | 'linkDown' // the interface is down, has no carrier or no link-local address
  | 'linkGone' // there is no such interface any more
  | 'silent' // it does not answer any more
  | 'replaced'; // it does not answer any more, but somebody else does

export type DiscoverEvent =
  | { readonly type: 'up'; readonly local: Address }
  | { readonly type: 'down'; readonly reason: 'linkDown' | 'linkGone' }
  | { readonly type: 'received'; readonly source: Address; readonly message: RouterMessage }
  | { readonly type: 'tick' };

export type DiscoverAction =
  | { readonly type: 'solicit' }
  | { readonly type: 'advertise'; readonly to: Address }
  | { readonly type: 'found'; readonly address: Address }
  | { readonly type: 'lost'; readonly reason: LossReason }
  /** A probe has ended: who spoke, in order of addresses. */
  | { readonly type: 'probed'; readonly addresses: readonly Address[] };

interface Heard {
  readonly address: Address;
  /** When it spoke last. */
  readonly atMs: number;
}

type TimerName = 'solicit' | 'verdict' | 'probe' | 'advertise';

export interface DiscoverState {
  /** Our address on the link; undefined while it is down. */
  readonly local?: Address;
  /** Who spoke last stands last. */
  readonly heard: readonly Heard[];
  /** Who was found. */
  readonly peer?: Address;
  /** When the last probe began. */
  readonly sinceMs: number;
  /** Solicitations yet to come in this probe. */
  readonly solicitations: number;
  /** First advertisements yet to come. */
  readonly advertisements: number;
  readonly advertisedMs: number;
  readonly answeredMs: number;
  readonly timers: Timers<TimerName>;
}

type Step = [DiscoverState, DiscoverAction[]];

export const initialState: DiscoverState = {
  heard: [],
  sinceMs: 0,
  solicitations: 0,
  advertisements: 0,
  advertisedMs: Number.NEGATIVE_INFINITY,
  answeredMs: Number.NEGATIVE_INFINITY,
  timers: {},
};

/** @param random in [0, 1) */
export function step(state: DiscoverState, event: DiscoverEvent, nowMs: number, random: number): Step {
  switch (event.type) {
    case 'up':
      return up(state, event.local, nowMs, random);
    case 'down':
      return [initialState, state.peer ? [{ type: 'lost', reason: event.reason }] : []];
    case 'received':
      if (!state.local || same(event.source, state.local)) return [state, []];
      return event.message.type === 'solicitation'
        ? answer(state, event.source, nowMs)
        : hear(state, event.source, nowMs);
    case 'tick':
      return tick(state, nowMs, random);
  }
}

/** When `tick` is due, or undefined while the link is down. */
export const dueMs = (state: DiscoverState): number | undefined => nextDue(state.timers)?.at;

function up(state: DiscoverState, local: Address, nowMs: number, random: number): Step {
  const lost: DiscoverAction[] = state.peer ? [{ type: 'lost', reason: 'linkDown' }] : [];
  const fresh: DiscoverState = { ...initialState, local, advertisements: FIRST_ADVERTISEMENTS };
  const [next, actions] = tick(probe({ ...fresh, timers: { advertise: nowMs } }, nowMs), nowMs, random);
  return [next, [...lost, ...actions]];
}

/** Begins to ask; the first solicitation is due at once. */
const probe = (state: DiscoverState, nowMs: number): DiscoverState => ({
  ...state,
  sinceMs: nowMs,
  solicitations: SOLICITATIONS,
  timers: {
    ...arm(state.timers, 'probe', undefined),
    solicit: nowMs,
    verdict: nowMs + SOLICITATIONS * SOLICIT_MS,
  },
});

function tick(state: DiscoverState, nowMs: number, random: number): Step {
  const actions: DiscoverAction[] = [];
  for (let due = nextDue(state.timers); due !== undefined && due.at <= nowMs; due = nextDue(state.timers)) {
    const [next, more] = fire(state, due.name, nowMs, random);
    state = next;
    actions.push(...more);
  }
  return [state, actions];
}

function fire(state: DiscoverState, name: TimerName, nowMs: number, random: number): Step {
  switch (name) {
    case 'solicit': {
      const left = state.solicitations - 1;
      const timers = arm(state.timers, 'solicit', left > 0 ? nowMs + SOLICIT_MS : undefined);
      return [{ ...state, solicitations: left, timers }, [{ type: 'solicit' }]];
    }
    case 'verdict':
      return judge(state, nowMs);
    case 'probe': {
      // While everybody speaks unasked there is nothing to ask.
      const [oldest] = state.heard;
      const spoken = oldest !== undefined && oldest.atMs > nowMs - QUIET_MS;
      return [
        spoken ? { ...state, timers: arm(state.timers, 'probe', oldest.atMs + QUIET_MS) } : probe(state, nowMs),
        [],
      ];
    }
    case 'advertise': {
      const left = Math.max(0, state.advertisements - 1);
      const waitMs = left > 0 ? FIRST_ADVERTISE_MS : jitter(ADVERTISE_MS, random);
      const timers = arm(state.timers, 'advertise', nowMs + waitMs);
      return [{ ...state, advertisements: left, advertisedMs: nowMs, timers }, [{ type: 'advertise', to: allNodes }]];
    }
  }
}

function hear(state: DiscoverState, source: Address, nowMs: number): Step {
  const known = state.heard.some(({ address }) => same(address, source));
  const first = state.heard.length === 0;
  const [next, actions] = known ? ([state, []] as Step) : answer(state, source, nowMs);
  state = { ...next, heard: remember(next, source, nowMs) };
  if (!known && state.timers.verdict === undefined) {
    const [asked, solicit] = fire(probe(state, nowMs), 'solicit', nowMs, 0);
    state = asked;
    actions.push(...solicit);
  }
  // Whoever answers first may not be the only one. That somebody who was found still speaks is the answer itself.
  if (first && !state.peer) {
    const verdict = Math.min(nowMs + SETTLE_MS, state.timers.verdict!);
    return [{ ...state, timers: arm(state.timers, 'verdict', verdict) }, actions];
  }
  const probing = state.timers.verdict !== undefined;
  if (!probing || !state.peer || state.heard.some(({ atMs }) => atMs < state.sinceMs)) return [state, actions];
  const [judged, verdict] = judge(state, nowMs);
  return [judged, [...actions, ...verdict]];
}

/** The list with `source` as the last to have spoken. Where it is full, whoever was silent longest makes room. */
function remember(state: DiscoverState, source: Address, nowMs: number): readonly Heard[] {
  const others = state.heard.filter(({ address }) => !same(address, source));
  const full = others.length >= MAX_HEARD;
  const out = full ? others.find(({ address }) => !state.peer || !same(address, state.peer)) : undefined;
  return [...others.filter((h) => h !== out), { address: source, atMs: nowMs }];
}

/** Tells one who asks, or is new, that we are here. */
function answer(state: DiscoverState, to: Address, nowMs: number): Step {
  const soon = Math.max(nowMs, state.advertisedMs + MIN_ADVERTISE_MS);
  // From the unspecified address, or too fast: everybody is told, when that is allowed again.
  if (!isLinkLocal(to) || nowMs < state.answeredMs + ANSWER_MS)
    return [{ ...state, timers: arm(state.timers, 'advertise', Math.min(soon, state.timers.advertise!)) }, []];
  return [{ ...state, answeredMs: nowMs }, [{ type: 'advertise', to }]];
}

/** Ends a probe: those count who spoke since it began. */
function judge(state: DiscoverState, nowMs: number): Step {
  const heard = state.heard.filter(({ atMs }) => atMs >= state.sinceMs);
  const { peer, ...rest } = state;
  const stays = peer !== undefined && heard.some(({ address }) => same(address, peer));
  const only = heard.length === 1 ? heard[0]!.address : undefined;
  const next = stays ? peer : only;
  const actions: DiscoverAction[] = [];
  if (peer && !stays) actions.push({ type: 'lost', reason: heard.length > 0 ? 'replaced' : 'silent' });
  if (next && !stays) actions.push({ type: 'found', address: next });
  actions.push({ type: 'probed', addresses: heard.map((h) => h.address).sort(compareAddresses) });
  const { solicit: _, verdict: __, ...timers } = state.timers;
  return [
    { ...rest, ...(next && { peer: next }), heard, solicitations: 0, timers: { ...timers, probe: nowMs + QUIET_MS } },
    actions,
  ];
}

const same = (a: Address, b: Address): boolean => compareAddresses(a, b) === 0;
