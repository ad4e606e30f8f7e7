/** `waypost plan`: what documents come to on this node, or what they would change of what the daemon does. */
import { Command } from 'commander';
import { changedFields } from '../bgp/settings.ts';
import { loadDocuments } from '../daemon/documents.ts';
import { kernelParts, type PlannedKernel, plannedKernel } from '../daemon/kernelplan.ts';
import { type Outlook, outlookOf } from '../daemon/outlook.ts';
import { type PlanGround, wantedSessions } from '../daemon/plan.ts';
import type { Remembered } from '../intent/assignment.ts';
import { thisNode } from '../intent/node.ts';
import { changes, routeChanges, serviceChanges, sessionChanges } from '../intent/plan/change.ts';
import {
  type PlannedRoute,
  type PlannedSession,
  type PlanReceiver,
  plannedRoutes,
  settingsOf,
} from '../intent/plan/part.ts';
import { type ServiceView, serviceView } from '../intent/view.ts';
import { isAnswered } from '../io/request.ts';
import { configurationOf } from './assembled.ts';
import { ask } from './client.ts';
import { nodeOption, socketOption } from './options.ts';
import { CliError, printJson, printLine } from './output.ts';
import { inPlace, prefixPlace } from './place.ts';
import { type Difference, differenceText, type Plan, planText } from './plantext.ts';
import { DEFAULT_CONTROL } from './run.ts';

interface Options {
  control: string;
  node?: string;
  alone?: boolean;
  json?: boolean;
}

export function command(): Command {
  return new Command()
    .description(
      'What this node would do with these documents. Where a daemon runs, the difference to what it does now: + comes, - goes, ~ changes, which sessions would reset, and what changes in the kernel. Nothing is applied.',
    )
    .argument('<path...>', 'files, or folders of *.yaml, *.yml and *.json; - is standard input')
    .option('--alone', 'the whole plan, without asking a daemon')
    .option(
      '--node <name>',
      "the node to plan for (default: the daemon's, else the Speaker document's name, else the host's)",
      nodeOption,
    )
    .option('--json', 'one JSON value')
    .option('--control <socket>', "the daemon's control socket", socketOption, DEFAULT_CONTROL)
    .addHelpText('after', '\nExamples:\n  waypost plan /etc/waypost\n  waypost plan --alone new.yaml --node node-b\n')
    .action(async (paths: string[], options: Options, command: Command) => {
      const asked = command.getOptionValueSource('control') !== 'default';
      const running = !options.alone && (asked || (await isAnswered(options.control)));
      if (!running) return alone(paths, options);
      const found = await compare(paths, options);
      if (options.json) printJson(found);
      else for (const line of differenceText(found)) printLine(line);
    });
}

async function alone(paths: readonly string[], { node, json }: Options): Promise<void> {
  const outlook = await outlookOf(configurationOf((await loadDocuments(paths)).assemble(node)));
  const plan = planOf(outlook);
  if (json) printJson(plan);
  else for (const line of planText(plan)) printLine(line);
}

/** What the documents would change of what the daemon does. */
export async function compare(
  paths: readonly string[],
  options: Pick<Options, 'control' | 'node'>,
): Promise<Difference> {
  const { control } = options;
  const get = (part: string) => ask(control, 'GET', part);
  const ground = (await get('/plan/ground')) as PlanGround;
  const hearing = { silent: new Set(ground.silent), aside: ground.aside };
  const documents = await loadDocuments(paths);
  let config = configurationOf(documents.assemble(options.node ?? ground.givenNode ?? undefined, hearing));
  // Documents that do not say which node they are for are for that of the daemon.
  if (options.node === undefined && config.speaker.position === undefined)
    config = configurationOf(documents.assemble(ground.node, hearing));
  if (config.speaker.name !== ground.node)
    throw new CliError(
      `the daemon is node ${ground.node}, the documents are for ${config.speaker.name}: --alone plans without it`,
    );
  const { keepSoleLocal } = config.speaker.drain;
  const stage = ground.drainedByLabel && !thisNode(config).drained ? 'none' : ground.stage;
  const outlook = await outlookOf(config, {
    remembered: (await get('/plan/assignments')) as Remembered[],
    drain: stage === 'none' ? undefined : { stage, keepSoleLocal },
    silent: ground.silent,
  });
  const have = {
    sessions: (await get('/plan/sessions')) as PlannedSession[],
    routes: (await get('/plan/routes')) as PlannedRoute[],
    services: (await get('/plan/services')) as ServiceView[],
    kernel: (await get('/plan/kernel')) as PlannedKernel[],
  };
  const passwords = settingsOf(outlook.peers).map((s) => [s.name, s.password ?? null] as const);
  const body = JSON.stringify(Object.fromEntries(passwords));
  const rekeyed = new Set((await ask(control, 'POST', '/plan/passwords', body)) as string[]);
  const sessions = wantedSessions(
    outlook.peers,
    have.sessions.filter((s) => s.called),
  );
  const want = planOf(outlook, sessions);
  return {
    node: ground.node,
    sessions: sessionChanges(have.sessions, sessions, rekeyed, changedFields),
    announcements: routeChanges(have.routes, want.announcements),
    services: serviceChanges(have.services, want.services),
    kernel: changes(
      have.kernel,
      want.kernel,
      ({ what, name }) => `${what} ${name}`,
      (a, b) => a.text === b.text,
    ),
  };
}

/** Each of its lists by its key. */
function planOf({ config, peers, services }: Outlook, sessions = wantedSessions(peers, [])): Plan {
  const receivers = sessions.map(({ name, settings }) => ({
    name,
    families: settings.families as ('ipv4' | 'ipv6')[],
    localAsn: settings.localAsn as number,
    peerAsn: settings.peerAsn as PlanReceiver['peerAsn'],
  }));
  const skipped = peers.skipped.map(({ document, reason, detail }) => ({ name: document.name, reason, detail }));
  const routes = [...plannedRoutes(services.advertisements, receivers)];
  const kernel = [...plannedKernel(kernelParts(config, sessions, services.decisions))];
  return {
    node: config.speaker.name,
    sessions: inPlace(sessions, ({ name }) => ({ group: name, key: '' })),
    skipped: inPlace(skipped, ({ name }) => ({ group: name, key: '' })),
    announcements: inPlace(routes, ({ peer, prefix }) => prefixPlace(peer, prefix)),
    kernel: inPlace(kernel, ({ what, name }) => ({ group: what, key: name })),
    services: [...services.decisions.keys()].sort().map((key) => serviceView(services.decisions.get(key)!, receivers)),
  };
}
