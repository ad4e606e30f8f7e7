/** Passwords that BGPPeers leave to a Secret. */
import type { Document, PeerDraft } from '../document.ts';
import type { Peer, Secret } from '../model.ts';
import { passwordProblem } from '../password.ts';
import { placeOf, type Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import type { Found, KnownNodes } from './nodes.ts';

const wantedType = 'kubernetes.io/basic-auth';

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
  const secret = secrets.found.find(({ value }) => value.name === name && value.namespace === draft.namespace);
  const own = anySelects(draft.nodeSelectors, nodes.own.labels);
  const refuse = (message: string, more: { hint?: string; transient?: boolean } = {}) =>
    report.add(document, {
      severity: own ? 'error' : 'warning',
      path: ['spec', 'passwordSecret', 'name'],
      message,
      ...(more.hint !== undefined && { hint: more.hint }),
      ...(own && more.transient && { transient: true }),
    });
  if (secret === undefined) {
    const same = secrets.documents.filter(({ meta }) => meta.name === name);
    const unread = same.some(({ meta, item }) => meta.namespace === draft.namespace && item === undefined);
    const elsewhere = same.find(({ meta }) => meta.namespace !== draft.namespace);
    const hint = elsewhere && `the one in namespace ${elsewhere.meta.namespace} (${placeOf(elsewhere)}) does not count`;
    if (secrets.complete && !unread)
      refuse(`there is no Secret ${JSON.stringify(name)} in namespace ${draft.namespace}`, {
        ...(hint && { hint }),
        transient: true,
      });
    return draft;
  }
  const { type, password } = secret.value;
  const where = `Secret/${name} (${placeOf(secret.document)})`;
  const problem =
    type !== wantedType
      ? `its type is ${JSON.stringify(type)}, not ${wantedType}`
      : !password
        ? 'the password is missing or empty'
        : passwordProblem(password);
  if (problem !== undefined) {
    refuse(`${where}: ${problem}`);
    return draft;
  }
  if (/\s$/.test(password!))
    report.warn(secret.document, [], 'the password ends with white space, which belongs to it');
  const last = resolved.get(draft);
  if (last?.password === password) return last!;
  const peer: Peer = { ...rest, password: password! };
  resolved.set(draft, peer);
  return peer;
}
