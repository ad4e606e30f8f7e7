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

/** Default gateways that answer now. */
export async function answeringGateways(client: Client): Promise<readonly Gateway[]> {
  const all = defaultGateways(client);
  for (const gateway of all) if (!answers(client, gateway)) ask(client, gateway);
  const end = monotonicMs() + KNOWN_MS;
  while (all.some((gateway) => !answers(client, gateway)) && monotonicMs() < end) await delay(STEP_MS);
  return all.filter((gateway) => answers(client, gateway));
}

/** One check: undefined once it holds, or else what does not hold yet. */
type Check = () => Promise<string | undefined> | string | undefined;

/**
 * Waits until all checks hold.
 * @param running says whether to go on waiting
 * @returns undefined when they do, or what did not hold at the end
 */
export async function confirmed(
  client: Client,
  working: Working,
  checks: Checks,
  sessions: () => ReadonlySet<string>,
  timeoutMs: number,
  running: () => boolean,
): Promise<string | undefined> {
  const end = monotonicMs() + timeoutMs;
  const left = () => Math.max(1, end - monotonicMs());
  const waiting: Check[] = [
    ...(checks.gateway ? gatewayChecks(client, working.gateways) : []),
    ...(checks.sessions ? [sessionCheck(working.sessions, sessions)] : []),
    ...checks.commands.map((command) => commandCheck(command, left)),
  ];
  for (;;) {
    let missing: string | undefined;
    for (const check of waiting) {
      missing = await check();
      if (missing !== undefined || !running()) break;
    }
    if (missing === undefined || monotonicMs() >= end || !running()) return missing;
    await delay(STEP_MS);
  }
}

/** Of each family that had a gateway that answered, one must answer: the old one or another. */
function gatewayChecks(client: Client, before: readonly Gateway[]): Check[] {
  const askedAt = new Map<string, number>();
  return ([4, 6] as const).flatMap((family) => {
    const were = before.filter((gateway) => gateway.family === family).map(gatewayText);
    if (were.length === 0) return [];
    let answered = false;
    return () => {
      if (answered) return undefined;
      const are = defaultGateways(client).filter((gateway) => gateway.family === family);
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

function commandCheck(command: string, leftMs: () => number): Check {
  let next = 0;
  let last: string | undefined = `the command ${JSON.stringify(command)} was not run`;
  return async () => {
    if (last === undefined || monotonicMs() < next) return last;
    const failed = await runCommand(command, leftMs());
    next = monotonicMs() + COMMAND_MS;
    last = failed === undefined ? undefined : `the command ${JSON.stringify(command)} failed: ${failed}`;
    return last;
  };
}
