/** Whether the process may do what the documents want, and in time. */
import type { CapabilityName } from '../../io/privileges.ts';
import type { ProcessorQuota } from '../../io/quota.ts';
import { type Finding, findingsOf } from './finding.ts';
import type { Use } from './use.ts';

/** Of the running daemon, or of this process where there is none. */
export interface Grants {
  /** Who: `the daemon`, `this user`. */
  readonly who: string;
  readonly capabilities: ReadonlySet<CapabilityName> | undefined;
  /** Highest real-time priority without CAP_SYS_NICE. */
  readonly realtimeLimit: number;
  readonly quota: ProcessorQuota | undefined;
  /** Why system calls cannot be made from here. */
  readonly nativeProblem: string | undefined;
  /** Least port that may be listened on without CAP_NET_BIND_SERVICE (net.ipv4.ip_unprivileged_port_start). */
  readonly unprivilegedPort: number;
}

/** The priority that the thread of BFD and layer 2 asks for. */
const REALTIME = 10;
/** With less of a processor than this, one full table or reload uses the time of every BFD packet. */
const FEW_PROCESSORS = 1;

const { ok, note, warning, problem } = findingsOf('machine');

/** @param grants undefined where the daemon cannot be seen */
export function machineFindings(use: Use, grants: Grants | undefined): Finding[] {
  if (grants === undefined)
    return [note(null, 'what the daemon may do cannot be seen from here', 'waypost doctor as root')];
  return [...nativeFindings(grants), ...capabilityFindings(use, grants), ...timeFindings(use, grants)];
}

function nativeFindings({ nativeProblem: why }: Grants): Finding[] {
  if (why === undefined) return [];
  const remedy = 'use glibc or musl on x64 or arm64, and install with npm ci --include=optional';
  return [problem(null, `no layer 2, BFD, routes, VRFs, TCP-MD5 or GTSM without native sockets: ${why}`, remedy)];
}

function capabilityFindings(use: Use, { who, capabilities, unprivilegedPort }: Grants): Finding[] {
  if (capabilities === undefined) return [note(null, `what ${who} may do cannot be seen`)];
  const needed = new Map<CapabilityName, string[]>();
  const need = (name: CapabilityName, what: string) => needed.set(name, [...(needed.get(name) ?? []), what]);
  for (const change of use.changes) need('NET_ADMIN', change);
  if (use.layer2) need('NET_RAW', 'layer 2');
  if (use.listenPort !== undefined && use.listenPort < unprivilegedPort)
    need('NET_BIND_SERVICE', `port ${use.listenPort}`);
  if (needed.size === 0) return [];
  const missing = [...needed].filter(([name]) => !capabilities.has(name));
  const names = [...needed.keys()].map((name) => `CAP_${name}`).join(', ');
  if (missing.length === 0) return [ok(null, `${who} has ${names}`)];
  const texts = missing.map(([name, what]) => `no CAP_${name}, needed for ${what.join(', ')}`);
  return [problem(null, `${who} has ${texts.join('; ')}`, 'start it as root, or by the unit of docs/systemd.md')];
}

function timeFindings(use: Use, { who, capabilities, realtimeLimit, quota }: Grants): Finding[] {
  if (!use.bfd && !use.layer2) return [];
  const what = [...(use.bfd ? ['BFD'] : []), ...(use.layer2 ? ['layer 2'] : [])].join(' and ');
  const found: Finding[] = [];
  if (realtimeLimit >= REALTIME || capabilities?.has('SYS_NICE'))
    found.push(ok(null, `${what} may run at real-time priority`));
  else
    found.push(
      warning(
        null,
        `${who} may not run ${what} at real-time priority: a busy machine delays packets`,
        `LimitRTPRIO=${REALTIME} in the unit, or CAP_SYS_NICE`,
      ),
    );
  if (quota === undefined) return found;
  const { processors, throttled } = quota;
  const limit = `its control group has ${Number(processors.toFixed(2))} of a processor`;
  if (throttled > 0 || processors < FEW_PROCESSORS)
    found.push(
      warning(
        null,
        `${limit}${throttled > 0 ? `, and was stopped ${throttled} times when that was used up` : ''}: ${what} stops with it`,
        'no CPU limit (CPUQuota=, resources.limits.cpu), or one of several processors',
      ),
    );
  return found;
}
