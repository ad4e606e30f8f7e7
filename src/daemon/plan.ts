/** What a running daemon is at, for `plan` to compare documents with. */

import type { NodePeers } from '../intent/peers.ts';
import { dynamicPeer } from '../intent/peers.ts';
import { type PlannedSession, plannedRoutes, plannedSession, settingsOf } from '../intent/plan/part.ts';
import { type ServiceView, serviceView } from '../intent/view.ts';
import { type Handler, json, jsonRows, type Reply } from '../io/http.ts';
import { type Address, parseAddress } from '../lib/address.ts';
import { contains } from '../lib/prefix.ts';
import type { Daemon } from './daemon.ts';
import { plannedKernel } from './kernelplan.ts';
import { receiversOf } from './views.ts';

/** What a plan must know of the node before it begins. */
export interface PlanGround {
  readonly node: string;
  /** The node's name as it was given to the daemon, whatever its documents say. */
  readonly givenNode: string | null;
  readonly stage: 'none' | 'lowered' | 'withdrawn';
  /** Documents without the label of the node end the drain. */
  readonly drainedByLabel: boolean;
  /** Members of the cluster that are watched and not heard of. */
  readonly silent: readonly string[];
  /** This node takes nothing over, as it has yet to hear of the others, or has taken its leave of them. */
  readonly aside: boolean;
}

/** `GET /plan/{ground,assignments,sessions,routes,services,kernel}`; undefined: no such thing. */
export function planReply(daemon: Daemon, part: string | undefined): Reply | undefined {
  const { engine, speaker, drainer, givenNode } = daemon;
  const { services, config } = engine;
  switch (part) {
    case 'ground': {
      if (config === undefined) return json({ error: 'no configuration is in force yet' }, 503);
      const ground: PlanGround = {
        node: config.speaker.name,
        givenNode: givenNode ?? null,
        stage: drainer.stage,
        drainedByLabel: drainer.isByLabel,
        silent: [...services.silent],
        aside: daemon.documents.hearing?.aside ?? false,
      };
      return json(ground);
    }
    case 'assignments':
      return jsonRows(services.allocator.snapshot());
    case 'sessions':
      return jsonRows(sessionsNow(daemon));
    case 'kernel': {
      if (config === undefined) return jsonRows([]);
      return jsonRows(
        plannedKernel({
          speaker: config.speaker,
          imports: config.imports,
          goal: daemon.network.inForce,
          egress: daemon.egress.all,
          sessions: sessionsNow(daemon),
          services: services.decisions.values(),
        }),
      );
    }
    case 'routes':
      return jsonRows(plannedRoutes(services.advertisements, receiversOf(speaker, engine)));
    case 'services':
      return jsonRows(servicesNow(daemon));
    default:
      return undefined;
  }
}

/** As they were decided: whether an address is answered for at this moment is nothing that documents change. */
function* servicesNow({ engine, speaker }: Daemon): Generator<ServiceView> {
  const receivers = receiversOf(speaker, engine);
  for (const decision of engine.services.decisions.values()) yield serviceView(decision, receivers);
}

function sessionsNow({ engine, speaker }: Daemon): PlannedSession[] {
  const known = settingsOf(engine.roster.documents);
  const called = [...speaker.all.values()].filter(({ name }) => !known.some((k) => k.name === name));
  return [...known.map((s) => plannedSession(s)), ...called.map(({ settings }) => plannedSession(settings, true))];
}

/** Which of these passwords are not those in use: passwords are compared where they are, and never told. */
export async function rekeyed({ engine }: Daemon, body: Parameters<Handler>[2]): Promise<string[]> {
  const given = JSON.parse(await body()) as Readonly<Record<string, string | null>>;
  const known = new Map(settingsOf(engine.roster.documents).map((s) => [s.name, s.password ?? null]));
  return Object.keys(given).filter((name) => known.has(name) && known.get(name) !== given[name]);
}

/** The sessions that are to be, with those of today's callers that a range still lets in. */
export function wantedSessions(peers: NodePeers, called: readonly PlannedSession[]): PlannedSession[] {
  const guests = called.flatMap(({ settings }) => {
    const address: Address | undefined = parseAddress(String(settings.address));
    const range = address && peers.ranges.find(({ prefix }) => contains(prefix, address));
    return range && address ? [plannedSession(dynamicPeer(range, address), true)] : [];
  });
  return [...settingsOf(peers).map((s) => plannedSession(s)), ...guests];
}
