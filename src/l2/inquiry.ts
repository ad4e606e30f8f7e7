/**
 * Asks whether another node has an address before it is taken over (RFC 5227 §2.1.1), for nodes that leave addresses
 * where they are: they cannot know otherwise, as they do not talk to each other. As long as somebody answers, the
 * address is left to them, and asked for now and then; in silence it is taken.
 */
import type { Mac } from '../lib/mac.ts';

/** PROBE_NUM of RFC 5227 §1.1. */
const PROBES = 3;
/** Shorter than that document has it: who is asked answers at once, and until then nobody does. */
const PROBE_MS = 300;
/** Between the last answer and the next question. */
const AGAIN_MS = 3_000;

export interface Inquiry {
  readonly phase: 'asking' | 'deferring';
  /** Whoever answered last; 0: nobody did. */
  readonly mac: Mac;
  readonly claims: number;
  /** When the next question is to be asked, or the address is free, ms. */
  readonly dueMs: number;
  /** Questions asked without an answer. */
  readonly probes: number;
}

/** `take`: nobody has ever answered. `defer`: somebody did, for the first time. The others are those of a conflict. */
export type InquiryAction = 'probe' | 'defer' | 'take' | 'end' | 'resume';

export const inquiry = (dueMs: number): Inquiry => ({ phase: 'asking', mac: 0, claims: 0, dueMs, probes: 0 });

export const isInquiry = (state: { readonly phase: string } | undefined): state is Inquiry =>
  state?.phase === 'asking' || state?.phase === 'deferring';

/** @param mac of whoever answered, or has the address; undefined: the time has come */
export function stepInquiry(
  state: Inquiry,
  mac: Mac | undefined,
  atMs: number,
): readonly [Inquiry | undefined, readonly InquiryAction[]] {
  if (mac !== undefined) {
    const next = { phase: 'deferring', mac, claims: state.claims + 1, dueMs: atMs + AGAIN_MS, probes: 0 } as const;
    return [next, state.mac === 0 ? ['defer'] : []];
  }
  if (state.probes === PROBES) return [undefined, state.mac === 0 ? ['take'] : ['end', 'resume']];
  return [{ ...state, phase: 'asking', dueMs: atMs + PROBE_MS, probes: state.probes + 1 }, ['probe']];
}
