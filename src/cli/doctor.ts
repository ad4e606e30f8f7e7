/** `waypost doctor`: what of this machine, or of the routers, keeps documents from having their effect. */
import { Command } from 'commander';
import { examine, type RunningDaemon, type SessionRow } from '../daemon/doctor/doctor.ts';
import { type Area, areas, type Finding, type Verdict } from '../daemon/doctor/finding.ts';
import { loadDocuments } from '../daemon/documents.ts';
import { outlookOf } from '../daemon/outlook.ts';
import type { PlanGround } from '../daemon/plan.ts';
import type { Remembered } from '../intent/assignment.ts';
import { isAnswered } from '../io/request.ts';
import { configurationOf } from './assembled.ts';
import { ask } from './client.ts';
import { nodeOption, socketOption } from './options.ts';
import { CliError, plural, printJson, printLine } from './output.ts';
import { paint } from './paint.ts';
import { DEFAULT_CONTROL, DEFAULT_DOCUMENTS } from './run.ts';

interface Options {
  control: string;
  node?: string;
  try: boolean;
  json?: boolean;
  strict?: boolean;
}

export function command(): Command {
  return new Command()
    .description(
      'What of this machine keeps documents from having their effect: rights, other speakers, ports, the way to each router, links for layer 2, and what becomes of packets for the addresses. Where no daemon runs, the session with each router is tried, too, and ended when it is up. Nothing is changed.',
    )
    .argument(
      '[path...]',
      "files, or folders of *.yaml, *.yml and *.json; - is standard input (default: the daemon's, else /etc/waypost)",
    )
    .option('--no-try', 'try no session')
    .option(
      '--node <name>',
      "the node to look at it as (default: the daemon's, else the Speaker document's name, else the host's)",
      nodeOption,
    )
    .option('--json', 'one JSON array of the findings')
    .option('--strict', 'exit 1 for warnings, too')
    .option('--control <socket>', "the daemon's control socket", socketOption, DEFAULT_CONTROL)
    .addHelpText('after', '\nExamples:\n  waypost doctor\n  waypost doctor --no-try new.yaml\n')
    .action((paths: string[], options: Options) => doctor(paths, options));
}

async function doctor(given: readonly string[], options: Options): Promise<void> {
  const { control } = options;
  const running = (await isAnswered(control)) ? await runningOf(control) : undefined;
  const paths = given.length > 0 ? given : running === undefined ? [DEFAULT_DOCUMENTS] : await filesOf(control);
  const { silent = [], aside = false } = running?.ground ?? {};
  const documents = await loadDocuments(paths);
  const config = configurationOf(
    documents.assemble(options.node ?? running?.ground.node, { silent: new Set(silent), aside }),
  );
  const outlook = await outlookOf(config, { remembered: running?.remembered ?? [], silent });
  const findings = await examine(outlook, { daemon: running, tries: options.try });
  if (options.json) printJson(findings);
  else for (const line of textOf(findings, config.speaker.name, running !== undefined)) printLine(line);
  const has = (verdict: Verdict) => findings.some((finding) => finding.verdict === verdict);
  if (has('problem') || (options.strict && has('warning'))) throw new CliError('');
}

interface Running extends RunningDaemon {
  readonly ground: PlanGround;
  readonly remembered: readonly Remembered[];
}

async function runningOf(control: string): Promise<Running> {
  const get = (path: string) => ask(control, 'GET', path);
  return {
    socket: control,
    ground: (await get('/plan/ground')) as PlanGround,
    remembered: (await get('/plan/assignments')) as Remembered[],
    sessions: (await get('/show/peers')) as SessionRow[],
  };
}

/** Those that the daemon reads. */
async function filesOf(control: string): Promise<readonly string[]> {
  const { files } = (await ask(control, 'GET', '/show/config')) as { readonly files: readonly string[] };
  return files;
}

const titles: Readonly<Record<Area, string>> = {
  machine: 'Machine',
  programs: 'Other programs',
  peers: 'Peers',
  layer2: 'Layer 2',
  addresses: 'Addresses of Services',
  vrfs: 'VRFs',
};

const marks: Readonly<Record<Verdict, string>> = {
  ok: paint('green', 'ok'),
  note: '  ',
  warning: paint('yellow', '! '),
  problem: paint('red', 'no'),
};

function* textOf(findings: readonly Finding[], node: string, isRunning: boolean): Generator<string> {
  yield paint('bold', `Node ${node}: ${isRunning ? 'a daemon runs' : 'no daemon runs'}`);
  for (const area of areas) {
    const some = findings.filter((finding) => finding.area === area);
    if (some.length === 0) continue;
    yield '';
    yield paint('bold', titles[area]);
    for (const { subject, verdict, text, remedy } of some) {
      yield `  ${marks[verdict]}  ${subject === null ? '' : `${subject}: `}${text}`;
      if (remedy !== null) yield `      ${paint('bold', 'remedy')} ${remedy}`;
    }
  }
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  yield '';
  yield `${plural(count('problem'), 'problem')}, ${plural(count('warning'), 'warning')}`;
}
