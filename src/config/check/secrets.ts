/** Passwords that sessions leave to a Secret. */
import type { Document, PeerDraft } from '../document.ts';
import { basicAuth } from '../kinds/core.ts';
import type { Peer, Secret } from '../model.ts';
import { passwordProblem } from '../password.ts';
import type { Problem } from '../problem.ts';
import { placeOf, type Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import type { Found, KnownNodes } from './nodes.ts';

export interface Secrets {
  /** Every file could be read, so a Secret that is not here does not exist. */
  readonly complete: boolean;
  readonly found: readonly Found<Secret>[];
  /** Every document of that kind, those that could not be read among them. */
  readonly documents: readonly Document[];
}

/** The last result for a draft: a peer whose password is still the same stays the same object. */
const resolved = new WeakMap<PeerDraft, Peer>();

/**
 * The peer with its password. Without it this node's configuration is refused, as a session without the password would
 * be; a peer of other nodes need not have its Secret here.
 */
export function resolvePeer(
  { document, value: draft }: Found<PeerDraft>,
  secrets: Secrets,
  nodes: KnownNodes,
  report: Report,
): Peer {
  const { secret: name, ...rest } = draft;
  if (name === undefined) return draft;
  const own = anySelects(draft.nodeSelectors, nodes.own.labels);
  const refuse = (problem: Pick<Problem, 'message' | 'hint' | 'transient'>) =>
    report.add(document, {
      severity: own ? 'error' : 'warning',
      path: ['spec', 'passwordSecret', 'name'],
      message: problem.message,
      ...(problem.hint !== undefined && { hint: problem.hint }),
      ...(own && problem.transient && { transient: true }),
    });
  const password = passwordOf(name, draft.namespace, secrets, report, refuse);
  if (password === undefined) return draft;
  const last = resolved.get(draft);
  if (last?.password === password) return last!;
  const peer: Peer = { ...rest, password };
  resolved.set(draft, peer);
  return peer;
}

/** The password in a Secret; undefined where it cannot be had, which `refuse` is told unless it may be in a file that could not be read. */
export function passwordOf(
  name: string,
  namespace: string,
  secrets: Secrets,
  report: Report,
  refuse: (problem: Pick<Problem, 'message' | 'hint' | 'transient'>) => void,
): string | undefined {
  const secret = secrets.found.find(({ value }) => value.name === name && value.namespace === namespace);
  if (secret === undefined) {
    const same = secrets.documents.filter(({ meta }) => meta.name === name);
    const unread = same.some(({ meta, item }) => meta.namespace === namespace && item === undefined);
    const elsewhere = same.find(({ meta }) => meta.namespace !== namespace);
    const hint =
      elsewhere &&
      `the one in namespace ${elsewhere.meta.namespace} (${placeOf(elsewhere)}) does not count: give it namespace: ${namespace}`;
    const message = `there is no Secret ${JSON.stringify(name)} in namespace ${namespace}`;
    if (secrets.complete && !unread) refuse({ message, ...(hint && { hint }), transient: true });
    return undefined;
  }
  const { type, password } = secret.value;
  const problem =
    type !== basicAuth
      ? `its type is ${JSON.stringify(type)}, not ${basicAuth}`
      : !password
        ? 'the password is missing or empty'
        : passwordProblem(password);
  if (problem !== undefined) {
    refuse({ message: `Secret/${name} (${placeOf(secret.document)}): ${problem}` });
    return undefined;
  }
  if (/\s$/.test(password!))
    report.warn(secret.document, [], 'the password ends with white space, which belongs to it');
  return password;
}
