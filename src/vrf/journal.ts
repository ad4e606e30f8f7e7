/**
 * What outlives the process: how things were before we touched them, what is in force, and what is being changed at the
 * moment. It is on disk before anything is changed, so that whoever starts next can go back.
 */
import { fromHex, toHex } from '../lib/bytes.ts';
import { type Baseline, noBaseline } from './baseline.ts';
import type { Snapshot } from './state.ts';

/** @typeParam Policy what is in force, as plain data without a link to the documents */
export interface Journal<Policy> {
  /** Of the machine's boot: after another one nothing here is true any more. */
  readonly boot: string;
  readonly baseline: Baseline;
  /** The policies that are in force, by name. */
  readonly applied: ReadonlyMap<string, Policy>;
  /** A change that began and has neither been confirmed nor been taken back. */
  readonly pending?: Pending;
  /** Policies that were taken back, by name: they are not tried again until they change. */
  readonly failed: ReadonlyMap<string, Failure>;
}

export interface Pending {
  /** How everything was that the change touches. */
  readonly before: Snapshot;
  /** What is being changed, as a text; and how often that was begun and interrupted. */
  readonly change: string;
  readonly interruptions: number;
}

export interface Failure {
  /** What was tried. */
  readonly text: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}

const VERSION = 1;

export const emptyJournal = <Policy>(boot: string): Journal<Policy> => ({
  boot,
  baseline: noBaseline,
  applied: new Map(),
  failed: new Map(),
});

export const journalText = <Policy>(journal: Journal<Policy>): string =>
  `${JSON.stringify({ version: VERSION, ...journal }, (_, value: unknown) => {
    if (value instanceof Map) return { $map: [...value] };
    // A Buffer would have been turned into an object before it gets here.
    return value instanceof Uint8Array ? { $octets: toHex(value) } : value;
  })}\n`;

/** The inverse of `journalText`. Throws when the text is something else. */
export function readJournal<Policy>(text: string): Journal<Policy> {
  const { version, ...journal } = JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$map' in value) return new Map(value.$map as [string, unknown][]);
    return '$octets' in value ? fromHex(String(value.$octets)) : value;
  }) as Journal<Policy> & { version: number };
  if (version !== VERSION) throw new Error(`it has version ${JSON.stringify(version)}, not ${VERSION}`);
  return journal;
}
