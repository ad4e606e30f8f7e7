/** What an argument of `explain` names. */
import { type Address, parseAddress } from '../../lib/address.ts';
import { type Prefix, parsePrefix } from '../../lib/prefix.ts';

export type Subject =
  | { readonly type: 'address'; readonly text: string; readonly address: Address }
  | { readonly type: 'prefix'; readonly text: string; readonly prefix: Prefix }
  /** `namespace/name`. */
  | { readonly type: 'service'; readonly text: string }
  /** A peer's name, or a Service's without its namespace. */
  | { readonly type: 'name'; readonly text: string };

/** Anything is something: what it names may not exist. */
export function subjectOf(text: string): Subject {
  const address = parseAddress(text);
  if (address !== undefined) return { type: 'address', text, address };
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return { type: 'prefix', text, prefix };
  return { type: text.includes('/') ? 'service' : 'name', text };
}
