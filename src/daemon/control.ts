/** The HTTP interfaces: the control API on a unix socket; metrics, health and the status page on TCP, which only reads. */

import { formatDiagnostic } from '../config/format.ts';
import { UnknownSubject } from '../intent/explain/explain.ts';
import { type Handler, json, jsonRows, type Reply } from '../io/http.ts';
import { parsePrefix } from '../lib/prefix.ts';
import { bfdRows } from './bfdview.ts';
import type { Daemon } from './daemon.ts';
import { errorsFirst } from './documents.ts';
import { explainRunning } from './explain.ts';
import { vrfRows } from './network/view.ts';
import { onDemand } from './ondemand.ts';
import { planReply, rekeyed } from './plan.ts';
import { routeRows } from './routeview.ts';
import {
  advertisedRows,
  configView,
  eventRows,
  type Filter,
  layer2Rows,
  memberRows,
  peerRows,
  receivedRows,
  serviceRows,
} from './views.ts';
import { walk } from './walk.ts';

/** What `show` can show. */
export const subjects = [
  'peers',
  'advertised',
  'received',
  'routes',
  'services',
  'l2',
  'vrfs',
  'bfd',
  'members',
  'config',
  'events',
] as const;
export type Subject = (typeof subjects)[number];

/** What may be asked for less of, and by what. */
export const filters: Readonly<Record<Subject, readonly ('peer' | 'vrf' | 'family' | 'prefix')[]>> = {
  peers: ['peer', 'vrf', 'family'],
  advertised: ['peer', 'vrf', 'family', 'prefix'],
  received: ['peer', 'vrf', 'family', 'prefix'],
  routes: ['vrf', 'family', 'prefix'],
  services: ['peer', 'vrf', 'family', 'prefix'],
  l2: ['family', 'prefix'],
  vrfs: ['vrf'],
  bfd: ['peer', 'vrf', 'family', 'prefix'],
  members: [],
  config: [],
  events: ['peer'],
};

const notFound: Reply = json({ error: 'no such thing here' }, 404);

function wrongMethod(allow: string): Reply {
  return { status: 405, type: 'text/plain', body: `${allow} is wanted\n`, headers: { allow } };
}

function filterOf(subject: Subject, query: URLSearchParams): Filter {
  for (const name of ['peer', 'vrf', 'family', 'prefix'] as const)
    if (query.has(name) && !filters[subject].includes(name)) throw new Error(`show ${subject} has no filter ${name}`);
  const [peer, family, within] = [query.get('peer'), query.get('family'), query.get('prefix')];
  const prefix = within === null ? undefined : parsePrefix(within);
  if (within !== null && prefix === undefined) throw new Error(`not a prefix: ${within}`);
  if (family !== null && family !== 'ipv4' && family !== 'ipv6') throw new Error(`not an address family: ${family}`);
  const vrf = query.get('vrf');
  return {
    ...(peer !== null && { peer }),
    ...(vrf !== null && { vrf }),
    ...(family !== null && { family }),
    ...(prefix && { prefix }),
  };
}

function numberOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '0';
  if (!/^\d+$/.test(text)) throw new Error(`not a number: ${text}`);
  return Number(text);
}

function show(daemon: Daemon, subject: Subject, query: URLSearchParams): Reply {
  const filter = filterOf(subject, query);
  const { speaker, engine, documents } = daemon;
  switch (subject) {
    case 'peers':
      return jsonRows(peerRows(speaker, filter, engine.roster.missing, daemon.bfd));
    case 'advertised':
      return jsonRows(advertisedRows(speaker, engine, filter));
    case 'received':
      return jsonRows(receivedRows(speaker, filter));
    case 'routes':
      return jsonRows(routeRows(daemon.learned.fib, speaker.instances, filter));
    case 'services':
      return jsonRows(serviceRows(speaker, engine, daemon, filter));
    case 'l2':
      return jsonRows(layer2Rows(daemon.layer2, engine, filter));
    case 'members':
      return jsonRows(memberRows(engine));
    case 'bfd':
      return jsonRows(bfdRows(daemon.bfd, filter));
    case 'vrfs':
      return jsonRows(only(vrfRows(daemon.network), ({ name }) => filter.vrf === undefined || filter.vrf === name));
    case 'config':
      return json({ ...configView(documents.reading, engine), policies: daemon.network.standings() });
    case 'events':
      return jsonRows(eventRows(daemon.chronicle.journal, speaker, filter, numberOf(query, 'after')));
  }
}

function* only<Row>(rows: Iterable<Row>, wanted: (row: Row) => boolean): Generator<Row | undefined> {
  for (const row of rows) yield wanted(row) ? row : undefined;
}

export const controlHandler =
  (daemon: Daemon): Handler =>
  async (method, url, body) => {
    const [, verb, subject] = url.pathname.split('/');
    if (method === 'GET' && verb === 'show' && subjects.includes(subject as Subject)) {
      try {
        return show(daemon, subject as Subject, url.searchParams);
      } catch (error) {
        return json({ error: (error as Error).message }, 400);
      }
    }
    if (method === 'GET' && verb === 'plan') return planReply(daemon, subject) ?? notFound;
    if (method === 'POST' && verb === 'plan' && subject === 'passwords') {
      try {
        return json(await rekeyed(daemon, body));
      } catch (error) {
        return json({ error: (error as Error).message }, 400);
      }
    }
    if (method === 'GET' && (verb === 'explain' || verb === 'walk')) {
      const { searchParams } = url;
      const asked = (name: string) => searchParams.get(name) ?? '';
      try {
        if (verb === 'explain') return json(await explainRunning(daemon, asked('subject')));
        return json(walk(daemon, { client: asked('client'), service: asked('service'), mark: Number(asked('mark')) }));
      } catch (error) {
        if (!(error instanceof UnknownSubject)) throw error;
        return json({ error: error.message }, 404);
      }
    }
    if (verb === 'reload' && subject === undefined) {
      if (method !== 'POST') return wrongMethod('POST');
      const { valid, diagnostics } = await daemon.documents.reload();
      // What failed may work by now. That takes its time, which nobody waits for.
      void daemon.network.retry();
      return json({ valid, diagnostics: errorsFirst(diagnostics).map(formatDiagnostic) });
    }
    if ((verb === 'drain' || verb === 'undrain') && subject === undefined) {
      if (method !== 'POST') return wrongMethod('POST');
      if (daemon.engine.config === undefined) return json({ error: 'no configuration is in force yet' }, 503);
      if (verb === 'undrain') daemon.drainer.end('operator');
      else if (url.searchParams.get('wait') === 'no') void daemon.drainer.begin('operator');
      else await daemon.drainer.begin('operator');
      return json({ stage: daemon.drainer.stage });
    }
    return notFound;
  };

export const publicHandler = (daemon: Daemon): Handler => {
  /** Loaded when somebody looks. */
  const page = onDemand(() => import('./page/page.ts').then(({ Page }) => new Page(daemon, failed)));
  let told = '';
  const failed = ({ message }: Error) => {
    if (message !== told) daemon.chronicle.problem('error', `the status page cannot be kept up to date: ${message}`);
    told = message;
  };
  return async (method, { pathname }) => {
    if (method !== 'GET' && method !== 'HEAD') return wrongMethod('GET, HEAD');
    if (pathname === '/metrics') {
      const metrics = await daemon.metrics();
      return { status: 200, type: metrics.contentType, body: await metrics.text() };
    }
    if (pathname === '/healthz') return { status: 200, type: 'text/plain', body: 'ok\n' };
    if (pathname === '/readyz')
      return daemon.ready
        ? { status: 200, type: 'text/plain', body: 'ok\n' }
        : { status: 503, type: 'text/plain', body: 'no configuration is in force yet\n' };
    if (pathname === '/') return (await page()).document();
    if (pathname === '/events') return (await page()).events();
    return notFound;
  };
};
