/**
 * A change of the network on trial: it is carried out, stays when what worked before works again within a time, and is
 * taken back otherwise.
 */
import type { Configuration } from '../../config/model.ts';
import { policiesHere } from '../../intent/network.ts';
import type { Logger } from '../../io/log.ts';
import { canonical } from '../../lib/diff.ts';
import type { Baseline } from '../../vrf/baseline.ts';
import type { Goal } from '../../vrf/goal.ts';
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

/** What works before a change, as far as it is asked for. */
export async function workingNow(kernel: Kernel, config: Configuration, around: Surroundings): Promise<Working> {
  const { probe, rollbackMs } = config.speaker.network;
  const gateways = rollbackMs > 0 && probe.gateway ? await answeringGateways(kernel.client) : [];
  return { gateways, sessions: around.sessions() };
}

/**
 * @param current says whether the change is still wanted
 * @returns why the change is not to be kept
 */
export async function tryOut(
  kernel: Kernel,
  config: Configuration,
  { goal, baseline, before, working, policies }: Change,
  around: Surroundings,
  current: () => boolean,
): Promise<string | undefined> {
  const { probe, rollbackMs } = config.speaker.network;
  const wanted = new Set(goal.routes.map((route) => canonical([route.table, route.destination, route.priority])));
  // What is put back or moved along is done as far as it can be.
  const optional = (step: Step) =>
    step.do === 'addRoute' && !wanted.has(canonical([step.route.table, step.route.destination, step.route.priority]));
  try {
    const scope = wholeScope(goal, baseline);
    const problems = reach(kernel, scope, (now) => targetOf(goal, baseline, now, before), optional);
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
    return await confirmed(kernel.client, working, checks, up, rollbackMs, current);
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
  for (const problem of problems) log.error({ reason: problem }, 'not all of the network could be put back');
}
