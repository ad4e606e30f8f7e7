/**
 * Another host claims an address that is announced here (RFC 5227 §2.4): what to do, as a step function.
 *
 * It may be a host that was given the address by mistake, or another speaker that believes itself elected, when the
 * nodes do not hear of each other. Whoever is right, two answers to one question make connections hang at random, so
 * the conflict is always reported, and by rule it is
 *   report   left alone, as MetalLB does,
 *   defend   answered by announcing the address, at most every ten seconds (§2.4 (c)), or
 *   yield    decided: the lower hardware address defends, the higher one falls silent. After a minute without a claim
 *            it asks whether the address is free (§2.1.1), and takes it back when nobody answers. What a third host claims
 *            meanwhile is no matter: the one that was given way to has the address still.
 */
import { isGroupMac, type Mac } from '../lib/mac.ts';

export type ConflictRule = 'report' | 'defend' | 'yield';

/** DEFEND_INTERVAL of RFC 5227 §1.1. */
const DEFEND_MS = 10_000;
/** A conflict is over when nothing was heard for this long. */
const QUIET_MS = 60_000;
/** How long an answer to a probe may take: ANNOUNCE_WAIT of RFC 5227 §1.1. */
const PROBE_MS = 2_000;

/** The claim that stands, by the latest claimant. Absent while nobody else claims the address. */
export interface Conflict {
  /** `held`: announced all the same. `yielded`: silent. `probing`: silent, and waiting for an answer to a probe. */
  readonly phase: 'held' | 'yielded' | 'probing';
  readonly mac: Mac;
  readonly claims: number;
  /** When the phase ends unless another claim comes, ms. */
  readonly dueMs: number;
  /** When the address was last defended, ms. */
  readonly defendedMs?: number;
}

export type ConflictEvent =
  | { readonly type: 'claim'; readonly mac: Mac; readonly atMs: number }
  /** `dueMs` has come. */
  | { readonly type: 'due'; readonly atMs: number };

/** `begin` and `end` are reported; `defend` announces once; `resume` is a take-over. */
export type ConflictAction = 'begin' | 'end' | 'defend' | 'yield' | 'probe' | 'resume';

/** @param own the hardware address of the interface on which the claim was heard */
export function stepConflict(
  rule: ConflictRule,
  own: Mac,
  state: Conflict | undefined,
  event: ConflictEvent,
): readonly [Conflict | undefined, readonly ConflictAction[]] {
  if (event.type === 'due') return state === undefined ? [undefined, []] : due(state, event.atMs);
  const { mac, atMs } = event;
  const begin: ConflictAction[] = state === undefined ? ['begin'] : [];
  const heard = { mac, claims: (state?.claims ?? 0) + 1, dueMs: atMs + QUIET_MS };
  const silent = state !== undefined && state.phase !== 'held';
  if (rule === 'yield' && own > mac) return [{ ...heard, phase: 'yielded' }, silent ? [] : [...begin, 'yield']];
  if (rule === 'yield' && silent && mac !== state.mac) return [{ ...state, claims: heard.claims }, []];
  // The rule is another one now, or our own hardware address: what was given up is taken back.
  const resume: ConflictAction[] = silent ? ['resume'] : [];
  const defendedMs = state?.defendedMs;
  if (rule === 'report' || (defendedMs !== undefined && atMs - defendedMs < DEFEND_MS))
    return [{ ...heard, phase: 'held', ...(defendedMs !== undefined && { defendedMs }) }, [...begin, ...resume]];
  return [{ ...heard, phase: 'held', defendedMs: atMs }, [...begin, ...resume, 'defend']];
}

function due(state: Conflict, atMs: number): readonly [Conflict | undefined, readonly ConflictAction[]] {
  switch (state.phase) {
    case 'held':
      return [undefined, ['end']];
    case 'yielded':
      return [{ ...state, phase: 'probing', dueMs: atMs + PROBE_MS }, ['probe']];
    case 'probing':
      return [undefined, ['end', 'resume']];
  }
}

/** A frame's sender claims an address when it has one of its own, and it is none of this node's interfaces. */
export const isClaimant = (mac: Mac, own: ReadonlySet<Mac>): boolean => mac !== 0 && !isGroupMac(mac) && !own.has(mac);
