/** What a daemon remembers over a restart: the addresses it gave to Services. One small JSON file in `stateDir`. */
import type { Remembered } from '../intent/assignment.ts';
import { monotonicMs } from '../io/clock.ts';
import { readState } from '../io/state.ts';
import { nextTurn, SLICE_MS } from '../io/turn.ts';

export const ASSIGNMENTS = 'assignments.json';
const VERSION = 1;

/** Assignments of the last run; none when there was no last run. Throws with a message for the operator otherwise. */
export function loadAssignments(stateDir: string): readonly Remembered[] {
  const text = readState(stateDir, ASSIGNMENTS);
  if (text === undefined) return [];
  const where = `${stateDir}/${ASSIGNMENTS}`;
  let saved: unknown;
  try {
    saved = JSON.parse(text);
  } catch {
    throw new Error(`${where} is not JSON`);
  }
  const { version, assignments } = (saved ?? {}) as Record<string, unknown>;
  if (version !== VERSION) throw new Error(`${where} has version ${JSON.stringify(version)}, not ${VERSION}`);
  if (!Array.isArray(assignments) || !assignments.every(isRemembered))
    throw new Error(`${where} does not hold a list of assignments`);
  return assignments;
}

/** The file that says this, one assignment a line; made in slices, for there may be 100,000. */
export async function assignmentsText(assignments: readonly Remembered[]): Promise<string> {
  let text = `{"version":${VERSION},"assignments":[`;
  let sliceEnd = 0; // Making the assignments was a slice by itself.
  for (const [i, one] of assignments.entries()) {
    text += `${i === 0 ? '' : ','}\n${JSON.stringify(one)}`;
    if (i % 64 !== 0 || monotonicMs() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = monotonicMs() + SLICE_MS;
  }
  return `${text}\n]}\n`;
}

function isRemembered(value: unknown): value is Remembered {
  const { service, ips, ports, sharingKey, backendKey } = (value ?? {}) as Record<string, unknown>;
  return [service, sharingKey, backendKey].every(isText) && isTexts(ips) && isTexts(ports);
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
