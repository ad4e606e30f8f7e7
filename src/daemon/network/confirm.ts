/** What decides whether a change of the network is kept: what worked before it must work again within a time. */
import { monotonicMs } from '../../io/clock.ts';
import { runCommand } from '../../io/command.ts';
import { delay } from '../../io/turn.ts';
import type { Client } from '../../netlink/client.ts';
import { answers, ask, defaultGateways, type Gateway, gatewayText } from './probe.ts';

/** What worked before the change. */
export interface Working {
  readonly gateways: readonly Gateway[];
  /** Names of peers. */
  readonly sessions: ReadonlySet<string>;
}

export interface Checks {
  readonly gateway: boolean;
  readonly sessions: boolean;
  readonly commands: readonly string[];
}

/** How long a gateway that is not known yet may take to answer before a change, ms. */
const KNOWN_MS = 2_000;
const STEP_MS = 50;
/** Between two runs of a command that failed, ms. */
const COMMAND_MS = 1_000;
/** How often it is read anew which default gateways there are, ms. */
const ROUTES_MS = 500;
const families = [4, 6] as const;

/** Default gateways that answer now. */
export async function answeringGateways(client: Client): Promise<readonly Gateway[]> {
  const all = families.flatMap((family) => defaultGateways(client, family));
  for (const gateway of all) if (!answers(client, gateway)) ask(client, gateway);
  const end = monotonicMs() + KNOWN_MS;
  while (all.some((gateway) => !answers(client, gateway)) && monotonicMs() < end) await delay(STEP_MS);
  return all.filter((gateway) => answers(client, gateway));
}

/** One check: undefined once it holds, or else what does not hold yet. It never waits. */
type Check = () => string | undefined;

/**
 * Waits until all checks hold. Commands are run once all else does, and end with it.
 * @param signal ends the waiting
 * @returns undefined when they do, or what did not hold at the end
 */
export async function confirmed(
  client: Client,
  working: Working,
  checks: Checks,
  sessions: () => ReadonlySet<string>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const end = monotonicMs() + timeoutMs;
  const over = new AbortController();
  const commands = AbortSignal.any([signal, over.signal]);
  const waiting: Check[] = [
    ...(checks.gateway ? gatewayChecks(client, working.gateways) : []),
    ...(checks.sessions ? [sessionCheck(working.sessions, sessions)] : []),
    ...checks.commands.map((command) => commandCheck(command, commands)),
  ];
  try {
    for (;;) {
      let missing: string | undefined;
      for (const check of waiting) {
        missing = check();
        if (missing !== undefined) break;
      }
      if (missing === undefined || monotonicMs() >= end) return missing;
      await delay(STEP_MS);
      if (signal.aborted) return missing;
    }
  } finally {
    over.abort();
  }
}

/** Of each family that had a gateway that answered, one must answer: the old one or another. */
function gatewayChecks(client: Client, before: readonly Gateway[]): Check[] {
  const askedAt = new Map<string, number>();
  return families.flatMap((family) => {
    const were = before.filter((gateway) => gateway.family === family).map(gatewayText);
    if (were.length === 0) return [];
    let answered = false;
    let are: readonly Gateway[] = [];
    let next = 0;
    return () => {
      if (answered) return undefined;
      if (monotonicMs() >= next) {
        are = defaultGateways(client, family);
        next = monotonicMs() + ROUTES_MS;
      }
      if (are.length === 0) return `no IPv${family} default gateway is left, where ${were.join(', ')} answered before`;
      // What the kernel believes may be from before the change; what did not answer for a while is asked again.
      const fresh = are.filter((gateway) => {
        const key = `${gatewayText(gateway)} ${gateway.link}`;
        if (monotonicMs() - (askedAt.get(key) ?? Number.NEGATIVE_INFINITY) < KNOWN_MS) return false;
        askedAt.set(key, monotonicMs());
        ask(client, gateway);
        return true;
      });
      answered = are.some((gateway) => !fresh.includes(gateway) && answers(client, gateway));
      return answered ? undefined : `the default gateway ${are.map(gatewayText).join(', ')} does not answer`;
    };
  });
}

function sessionCheck(before: ReadonlySet<string>, now: () => ReadonlySet<string>): Check {
  return () => {
    const up = now();
    const down = [...before].filter((name) => !up.has(name));
    return down.length === 0 ? undefined : `the session with ${down.join(', ')} is not up again`;
  };
}

function commandCheck(command: string, signal: AbortSignal): Check {
  const named = `the command ${JSON.stringify(command)}`;
  let next = 0;
  let running = false;
  let missing: string | undefined = `${named} has not ended`;
  return () => {
    if (missing !== undefined && !running && !signal.aborted && monotonicMs() >= next) {
      running = true;
      void runCommand(command, signal).then((failed) => {
        running = false;
        next = monotonicMs() + COMMAND_MS;
        missing = failed === undefined ? undefined : `${named} failed: ${failed}`;
      });
    }
    return missing;
  };
}
