/** Plans and differences as lines of text. */
import type { PlannedKernel } from '../daemon/kernelplan.ts';
import type { Change, SessionChange } from '../intent/plan/change.ts';
import type { PlannedRoute, PlannedSession } from '../intent/plan/part.ts';
import type { Reason } from '../intent/reason.ts';
import type { ServiceView } from '../intent/view.ts';
import { paint } from './paint.ts';

/** `plan --json` without a daemon. */
export interface Plan {
  readonly node: string;
  readonly sessions: readonly PlannedSession[];
  /** Peers that do not run on the node. */
  readonly skipped: readonly { readonly name: string; readonly reason: Reason; readonly detail: string }[];
  readonly announcements: readonly PlannedRoute[];
  readonly services: readonly ServiceView[];
  /** VRFs, addresses, routes, rules and sysctls of policies; egress; where learned routes go. */
  readonly kernel: readonly PlannedKernel[];
}

/** `plan --json` against a daemon. */
export interface Difference {
  readonly node: string;
  readonly sessions: readonly SessionChange[];
  readonly announcements: readonly Change<PlannedRoute>[];
  readonly services: readonly Change<ServiceView>[];
  readonly kernel: readonly Change<PlannedKernel>[];
}

export function* planText({ node, sessions, skipped, announcements, services, kernel }: Plan): Generator<string> {
  yield paint('bold', `node ${node}`);
  yield* part('sessions', sessions.map(sessionText));
  yield* part(
    'peers that do not run here',
    skipped.map(({ name, reason, detail }) => `${name}  ${reason}: ${detail}`),
  );
  yield* part('announcements', announcements.map(routeText));
  yield* part('services', services.map(serviceText));
  yield* part('kernel', kernel.map(kernelText));
  yield* part('learned', sessions.map(learnedText));
}

function* part(title: string, lines: readonly string[]): Generator<string> {
  if (lines.length === 0) return;
  yield '';
  yield paint('bold', title);
  for (const line of lines) yield `  ${line}`;
}

export function* differenceText({ sessions, announcements, services, kernel }: Difference): Generator<string> {
  for (const change of sessions) yield marked(change, sessionChangeText(change));
  for (const change of services) yield marked(change, `service ${changeText(change, serviceText)}`);
  for (const change of announcements) yield marked(change, changeText(change, routeText));
  for (const change of kernel) yield marked(change, `kernel ${changeText(change, kernelText)}`);
  const count = sessions.length + announcements.length + services.length + kernel.length;
  const resets = sessions.filter((s) => s.resets).map((s) => s.after!.name);
  const ends = sessions.filter((s) => s.change === '-').map((s) => s.before!.name);
  const fate = [
    ...(resets.length > 0 ? [`resets ${resets.join(', ')}`] : []),
    ...(ends.length > 0 ? [`ends ${ends.join(', ')}`] : []),
  ];
  if (count === 0) yield 'nothing changes';
  else yield `${count} ${count === 1 ? 'change' : 'changes'}; ${fate.join('; ') || 'no session is reset'}`;
}

const colours = { '+': 'green', '-': 'red', '~': 'yellow' } as const;

const marked = ({ change }: Change<unknown>, text: string): string => paint(colours[change], `${change} ${text}`);

function sessionChangeText({ change, before, after, fields, resets }: SessionChange): string {
  if (change === '+') return `session ${sessionText(after!)}`;
  if (change === '-') return `session ${sessionText(before!)}`;
  const values = fields.map((field) => {
    // The values of a password are nobody's to read.
    if (field === 'password') return 'password';
    return `${field} ${valueText(before!.settings[field])} → ${valueText(after!.settings[field])}`;
  });
  return `session ${after!.name} ${resets ? 'would reset' : 'stays up'}: ${values.join(', ')}`;
}

const valueText = (value: unknown): string =>
  value === undefined ? 'none' : typeof value === 'object' ? JSON.stringify(value) : String(value);

/** One side, or what became of the other. */
function changeText<T>({ before, after }: Change<T>, text: (item: T) => string): string {
  if (before === null || after === null) return text((after ?? before)!);
  return `${text(after)}  (was: ${text(before)})`;
}

function sessionText({ name, settings }: PlannedSession): string {
  const { localAsn, peerAsn, address, port, interface: link, vrf, families } = settings;
  const where = address === undefined ? `on ${String(link)}` : `at ${String(address)} port ${String(port)}`;
  const inVrf = vrf === undefined ? '' : ` in VRF ${String(vrf)}`;
  return `${name}  AS ${String(localAsn)} to AS ${String(peerAsn)} ${where}${inVrf}, ${(families as string[]).join(' and ')}`;
}

function routeText({
  peer,
  prefix,
  localPref,
  med,
  prepend,
  bandwidthMbit,
  communities,
  largeCommunities,
  from,
}: PlannedRoute): string {
  const words = [`${prefix} to ${peer}`];
  if (localPref !== null) words.push(`local-pref ${localPref}`);
  if (med !== null) words.push(`med ${med}`);
  if (prepend !== null) words.push(`prepend ${prepend}`);
  if (bandwidthMbit !== null) words.push(`bandwidth ${bandwidthMbit} Mbit/s`);
  if (communities.length > 0) words.push(`communities ${communities.join(' ')}`);
  if (largeCommunities.length > 0) words.push(`large-communities ${largeCommunities.join(' ')}`);
  return `${words.join('  ')}  by ${from.join(', ')}`;
}

function serviceText({ service, ips, pool, allocation, bgp, layer2 }: ServiceView): string {
  const address =
    ips.length > 0 ? `${ips.join(' ')}${pool === null ? '' : ` of ${pool}`}` : (allocation?.reason ?? 'no address');
  const announced = [
    bgp.announced ? 'BGP' : `BGP: ${bgp.reason}`,
    // Whoever does not use layer 2 need not read of it.
    ...(layer2.announced
      ? ['layer 2']
      : layer2.reason === 'notOwner' && layer2.owner
        ? [`layer 2 by ${layer2.owner}`]
        : []),
  ];
  return `${service}  ${address}${ips.length > 0 ? `  ${announced.join(', ')}` : ''}`;
}

const kernelText = ({ what, name, text }: PlannedKernel): string =>
  `${what === 'learned' ? 'learned routes into' : what} ${name}  ${text}`.trimEnd();

/** Nothing is received without a policy. */
function learnedText({ name, settings }: PlannedSession): string {
  const policy = settings.receive as { all?: boolean; rules?: readonly RuleText[] } | undefined;
  if (policy?.all) return `${name}  everything but default routes and own prefixes`;
  const rules = (policy?.rules ?? []).map(
    ({ prefix, ge, le }) => `${prefix}${ge ? ` ge ${ge}` : ''}${le ? ` le ${le}` : ''}`,
  );
  return `${name}  ${rules.join(', ') || 'nothing'}`;
}

interface RuleText {
  readonly prefix: string;
  readonly ge?: number;
  readonly le?: number;
}
