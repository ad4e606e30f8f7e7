/**
 * A change of the network on trial: it is carried out, stays when what worked before works again within a time, and is
 * taken back otherwise.
 */
import type { Configuration } from '../../config/model.ts';
import { policiesHere } from '../../intent/network.ts';
import { monotonicMs } from '../../io/clock.ts';
import type { Logger } from '../../io/log.ts';
import { delay } from '../../io/turn.ts';
import { canonical } from '../../lib/diff.ts';
import type { Baseline } from '../../vrf/baseline.ts';
import type { Goal } from '../../vrf/goal.ts';
import { waitingIn } from '../../vrf/plan.ts';
import type { Snapshot } from '../../vrf/state.ts';
import type { Step } from '../../vrf/step.ts';
import { restorationOf, targetOf } from '../../vrf/target.ts';
import { reach } from './apply.ts';
import { answeringGateways, confirmed, type Working } from './confirm.ts';
import type { Kernel } from './kernel.ts';
import { wholeScope } from './scope.ts';

/** What a change must leave working, and who must know of it. */
export interface Surroundings {
  readonly log: Logger;
  /** Names of the peers whose sessions are up. */
  sessions(): ReadonlySet<string>;
  /** Whether there is a peer of this name at all. */
  isPeer(name: string): boolean;
  /** Interfaces may have come or gone by what was done. */
  applied(): void;
}

export interface Change {
  readonly goal: Goal;
  readonly baseline: Baseline;
  /** How everything was that it touches. */
  readonly before: Snapshot;
  readonly working: Working;
  /** Names of the policies that the goal is made of: their probes count. */
  readonly policies: ReadonlySet<string>;
}

/**
 * How long IPv6 takes to see that nobody else has an address, two or three seconds (RFC 4862 §5.4), and a carrier to come
 * back, ms.
 */
const VERIFIED_MS = 8_000;
const STEP_MS = 100;

/** What works before a change, as far as it is asked for. */
export async function workingNow(kernel: Kernel, config: Configuration, around: Surroundings): Promise<Working> {
  const { probe, rollbackMs } = config.speaker.network;
  const gateways = rollbackMs > 0 && probe.gateway ? await answeringGateways(kernel.client) : [];
  return { gateways, sessions: around.sessions() };
}

/**
 * @param signal ends when something else is wanted
 * @returns why the change is not to be kept
 */
export async function tryOut(
  kernel: Kernel,
  config: Configuration,
  { goal, baseline, before, working, policies }: Change,
  around: Surroundings,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { probe, rollbackMs } = config.speaker.network;
  const wanted = new Set(goal.routes.map((route) => canonical([route.table, route.destination, route.priority])));
  // What is put back or moved along is done as far as it can be.
  const optional = (step: Step) =>
    step.do === 'addNeighbour' ||
    step.do === 'addNextHop' ||
    step.do === 'replaceNextHop' ||
    (step.do === 'addRoute' && !wanted.has(canonical([step.route.table, step.route.destination, step.route.priority])));
  try {
    const scope = wholeScope(goal, baseline);
    const target = (now: Snapshot) => targetOf(goal, baseline, now, before);
    const problems = new Set(reach(kernel, scope, target, optional));
    const waits = () => {
      const now = kernel.read(scope);
      return waitingIn(target(now), now);
    };
    const end = monotonicMs() + VERIFIED_MS;
    for (let left = waits(); left.length > 0; left = waits()) {
      if (monotonicMs() >= end) {
        const needed = left.find(({ optional }) => !optional);
        if (needed !== undefined) return needed.reason;
        for (const { reason } of left) problems.add(reason);
        break;
      }
      await delay(STEP_MS);
      if (signal.aborted) return undefined;
      for (const problem of reach(kernel, scope, target, optional)) problems.add(problem);
    }
    for (const problem of problems) around.log.warn({ reason: problem }, 'not all of the network could be kept');
  } catch (error) {
    return (error as Error).message;
  }
  around.applied();
  if (rollbackMs === 0) return undefined;
  const commands = [
    probe.command,
    ...policiesHere(config)
      .filter(({ name }) => policies.has(name))
      .map((policy) => policy.probe),
  ];
  const checks = { ...probe, commands: commands.filter((command) => command !== undefined) };
  try {
    // A peer that is none any more is not waited for.
    const gone = [...working.sessions].filter((name) => !around.isPeer(name));
    const up = () => new Set([...around.sessions(), ...gone]);
    return await confirmed(kernel.client, working, checks, up, rollbackMs, signal);
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Everything returns to how it was before a change, as far as it can be; what cannot is logged.
 * @param goal of the change: what it may have touched
 */
export function takeBack(kernel: Kernel, log: Logger, before: Snapshot, baseline: Baseline, goal: Goal): void {
  const scope = wholeScope(goal, baseline);
  const sysctls = [...new Set([...scope.sysctls, ...before.sysctls.keys()])];
  const links = [...new Set([...scope.links, ...before.links.keys()])];
  const tables =
    scope.tables === 'all' ? 'all' : [...new Set([...scope.tables, ...before.routes.map(({ table }) => table)])];
  const whole = { links, sysctls, tables } as const;
  const problems = reach(
    kernel,
    whole,
    (now) => restorationOf(before, now),
    () => true,
  );
  const now = kernel.read(whole);
  for (const { reason } of waitingIn(restorationOf(before, now), now)) problems.push(reason);
  for (const problem of problems) log.error({ reason: problem }, 'not all of the network could be put back');
}
