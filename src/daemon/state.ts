/** What a daemon remembers over a restart: the addresses it gave to Services. One small JSON file in `stateDir`. */
import type { Remembered } from '../intent/assignment.ts';
import { readState, writeState } from '../io/state.ts';

const FILE = 'assignments.json';
const VERSION = 1;

/** Assignments of the last run; none when there was no last run. Throws with a message for the operator otherwise. */
export function loadAssignments(stateDir: string): readonly Remembered[] {
  const text = readState(stateDir, FILE);
  if (text === undefined) return [];
  const where = `${stateDir}/${FILE}`;
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

/** Replaces the file as a whole: a crash leaves the old one or the new one. */
export const saveAssignments = (stateDir: string, assignments: readonly Remembered[]): Promise<void> =>
  writeState(stateDir, FILE, `${JSON.stringify({ version: VERSION, assignments }, null, 1)}\n`);

function isRemembered(value: unknown): value is Remembered {
  const { service, ips, ports, sharingKey, backendKey } = (value ?? {}) as Record<string, unknown>;
  return [service, sharingKey, backendKey].every(isText) && isTexts(ips) && isTexts(ports);
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
