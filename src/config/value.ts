/** Values as nmstate takes them, and fields of it that are refused here. */
import { z } from 'zod';
import type { Findings, Path } from './problem.ts';
import { anything, bool, int } from './schema.ts';

/** A whole number, which nmstate takes in quotes too. */
export const number = (min: number, max: number) =>
  z.preprocess((v) => (typeof v === 'string' && /^-?(?:0|[1-9]\d*)$/.test(v) ? Number(v) : v), int(min, max));

/** true or false, in quotes too. */
export const flag = () =>
  z.preprocess((v) => (typeof v === 'string' && /^(?:true|false)$/i.test(v) ? v.toLowerCase() === 'true' : v), bool());

/** Fields that are known to nmstate. */
export const refusedFields = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, anything()]));

/** Reports each of the fields that is there. */
export function refuse(raw: object, fields: readonly string[], path: Path, findings: Findings): void {
  for (const field of fields)
    if ((raw as Record<string, unknown>)[field] !== undefined) findings.error([...path, field], 'is not supported');
}
