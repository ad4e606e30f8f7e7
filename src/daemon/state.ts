/** What a daemon remembers over a restart: the addresses it gave to Services. One small JSON file in `stateDir`. */
import type { Remembered } from '../intent/assignment.ts';
import { readState, writeState } from '../io/state.ts';

const FILE = 'assignments.json';
const VERSION = 1;

interface Saved {
  readonly version: number;
  readonly assignments: readonly Remembered[];
}

/** Assignments of the last run; none when there was no last run. Throws with a message for the operator otherwise. */
export function loadAssignments(stateDir: string): readonly Remembered[] {
  const text = readState(stateDir, FILE);
  if (text === undefined) return [];
  const saved = JSON.parse(text) as Saved;
  if (saved.version !== VERSION) throw new Error(`${stateDir}/${FILE} has version ${saved.version}, not ${VERSION}`);
  return saved.assignments;
}

/** Replaces the file as a whole: a crash leaves the old one or the new one. */
export const saveAssignments = (stateDir: string, assignments: readonly Remembered[]): void =>
  writeState(stateDir, FILE, `${JSON.stringify({ version: VERSION, assignments } satisfies Saved, null, 1)}\n`);
