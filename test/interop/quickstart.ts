/** What README.md tells a new user to type, word for word, on a machine that has a router as its neighbour. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { link, Namespace } from '../support/netns.ts';
import { type Daemon, type Outcome, waitFor } from '../support/process.ts';
import { drivers } from './drivers/all.ts';

const TITLE = '## Sixty seconds to a session';

interface Quickstart {
  /** A command line without a file, and what it prints. */
  readonly adHoc: string;
  readonly printed: readonly string[];
  readonly documents: string;
  /** Command lines on the documents. */
  readonly lines: readonly string[];
  /** What the last of them prints. */
  readonly peers: string;
}

/** The section's code. Its first block installs the program. */
function readme(): Quickstart {
  const text = readFileSync('README.md', 'utf8');
  const section = text.slice(text.indexOf(TITLE)).split(/\n## /)[0]!;
  const blocks = [...section.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({
    language,
    code: code!,
  }));
  expect(blocks.map(({ language }) => language)).toEqual(['sh', '', 'yaml', 'sh', '']);
  const [, session, documents, more, peers] = blocks.map(({ code }) => code);
  const [adHoc, ...printed] = session!.trimEnd().split('\n');
  return {
    adHoc: adHoc!.replace(/^\$ /, ''),
    printed: printed.map(withoutTime),
    documents: documents!,
    lines: more!
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, '')),
    peers: settled(peers!.replace('$ waypost show peers\n', '')),
  };
}

/** A table without its widths, and however long the session has been up. */
const settled = (table: string): string => table.replaceAll(/ \d+s /g, ' 0s ').replaceAll(/ +/g, ' ');

const withoutTime = (line: string): string => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, '');

/** A machine on which `waypost` can be typed. */
export interface Machine {
  readonly namespace: Namespace;
  /** Runs a line of the shell to its end. */
  run(line: string): Promise<Outcome>;
  spawn(line: string): Daemon;
  write(path: string, text: string): Promise<unknown>;
}

/** Our end of the link to the router of the README, which knows us by this address. */
const HERE = '192.0.2.10';
const THERE = '192.0.2.1';

/** A namespace for a machine, and FRR as the router that the README is about. */
export async function neighbourhood(label: string) {
  const host = await Namespace.create(label);
  const other = await Namespace.create(`${label}-frr`);
  await link(
    { namespace: host, device: 'eth0', addresses: [`${HERE}/24`] },
    { namespace: other, device: 'eth0', addresses: [`${THERE}/24`] },
  );
  const router = drivers.frr({
    namespace: other,
    routerId: THERE,
    localAs: 64513,
    peerAs: 64512,
    localAddress: THERE,
    peerAddress: HERE,
    nextHops: { ipv4: THERE, ipv6: '2001:db8::1' },
    families: ['ipv4'],
    role: 'listen',
    port: 179,
    holdTimeSec: 90,
    announce: [{ prefix: '198.51.100.0/24' }],
  });
  await router.start();
  const close = async () => {
    await router.stop();
    await Promise.all([host.close(), other.close()]);
  };
  return { host, router, close };
}

/** Types it all, and looks at the router and at what is printed. */
export async function followReadme(
  machine: Machine,
  router: Awaited<ReturnType<typeof neighbourhood>>['router'],
): Promise<void> {
  const { adHoc, printed, documents, lines, peers } = readme();
  const learned = async () => (await router.received()).map(({ prefix }) => prefix);
  const learns = (prefix: string, log: () => string) =>
    waitFor(`FRR has ${prefix}`, async () => (await learned()).includes(prefix), { log });

  const session = machine.spawn(adHoc);
  const first = await learns('203.0.113.0/24', () => session.output);
  expect(first).toBe(true);
  expect(printed.length).toBeGreaterThan(3);
  await waitFor(
    'every line that the README shows',
    () => {
      const lines = session.output.split('\n').map(withoutTime);
      return printed.every((line) => lines.includes(line));
    },
    { log: () => session.output },
  );
  expect(await session.stop('SIGINT'), session.output).toBe(0);
  await waitFor('FRR has nothing', async () => (await learned()).length === 0);

  await machine.write('/etc/waypost/main.yaml', documents);
  const [check, doctor, plan, run, ...questions] = lines;
  expect(await machine.run(check!)).toEqual({ code: 0, stdout: '0 errors, 0 warnings\n', stderr: '' });
  expect(await machine.run(doctor!)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/ok {2}router: takes the session.*\n0 problems, /s),
  });
  expect(await machine.run(plan!)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('203.0.113.0/32 to router  by BGPAdvertisement/public'),
  });
  const daemon = machine.spawn(run!);
  await learns('203.0.113.0/32', () => daemon.output);
  // Where it is watched when nobody says otherwise.
  expect(await machine.run('curl -sf http://127.0.0.1:7472/readyz')).toMatchObject({ code: 0, stdout: 'ok\n' });
  expect(questions).toHaveLength(2);
  const [explain, show] = questions;
  expect(await machine.run(explain!)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Service default\/web: (?!.*not announced)/),
  });
  let shown = '';
  await waitFor(
    'the table of the README',
    async () => {
      shown = (await machine.run(show!)).stdout;
      return settled(shown) === peers;
    },
    { log: () => shown },
  );
  expect(await machine.run(plan!)).toMatchObject({ code: 0, stdout: 'nothing changes\n' });
  // An address that no pool has is named as the cause.
  const stray =
    '{apiVersion: v1, kind: Service, metadata: {name: stray}, spec: {type: LoadBalancer, ports: [{port: 80}]}';
  await machine.write(
    '/etc/waypost/stray.yaml',
    `${stray}, status: {loadBalancer: {ingress: [{ip: 198.51.100.9}]}}}\n`,
  );
  const reason = await waitFor('the stray Service', async () => {
    const found = await machine.run('waypost explain default/stray');
    return found.code === 0 && found.stdout;
  });
  expect(reason).toMatch(/^Service default\/stray: .*ipNotAllowed/);
  expect(reason).toMatch(/198\.51\.100\.9.*\[ipNotAllowed\]/);
  // "A changed file takes effect at once."
  await machine.write(
    '/etc/waypost/shop.yaml',
    documents.slice(documents.lastIndexOf('---\n') + 4).replace('web', 'shop'),
  );
  await learns('203.0.113.1/32', () => daemon.output);
  expect(await daemon.stop('SIGTERM', 30_000), daemon.output).toBe(0);
  await waitFor('FRR has nothing', async () => (await learned()).length === 0);
}
