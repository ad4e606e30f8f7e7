/** What was looked at on this machine, how it is, and what to do about it. */

/** In the order in which they are shown. */
export const areas = ['machine', 'programs', 'peers', 'layer2', 'addresses', 'vrfs'] as const;
export type Area = (typeof areas)[number];

/** `note`: neither good nor bad, or it cannot be told. */
export type Verdict = 'ok' | 'note' | 'warning' | 'problem';

/** `waypost doctor --json` has an array of these. */
export interface Finding {
  readonly area: Area;
  /** What it is about: a peer's name, an interface, an address; null: the whole of the area. */
  readonly subject: string | null;
  readonly verdict: Verdict;
  readonly text: string;
  /** What would mend it; null where nothing is to be done. */
  readonly remedy: string | null;
}

/** Findings of one area. */
export const findingsOf = (area: Area) => ({
  ok: (subject: string | null, text: string): Finding => ({ area, subject, verdict: 'ok', text, remedy: null }),
  note: (subject: string | null, text: string, remedy: string | null = null): Finding => ({
    ...{ area, subject, verdict: 'note' },
    ...{ text, remedy },
  }),
  warning: (subject: string | null, text: string, remedy: string): Finding => ({
    ...{ area, subject, verdict: 'warning' },
    ...{ text, remedy },
  }),
  problem: (subject: string | null, text: string, remedy: string): Finding => ({
    ...{ area, subject, verdict: 'problem' },
    ...{ text, remedy },
  }),
});
