/**
 * Two daemons in one network namespace: what each changes there is its alone, and one that needs what another has is refused
 * before it has touched anything.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isHeld, lockName } from '../../src/io/lock.ts';
import { sysBind, sysClose } from '../../src/io/native.ts';
import { unixAddress, unixSocket } from '../../src/io/unix.ts';
import { bgpPeer, type Document, Node, program, receiving } from '../interop/node.ts';
import { endHolders, holder, taken } from '../support/holder.ts';
import { Namespace } from '../support/netns.ts';
import { Daemon, waitFor } from '../support/process.ts';

describe('a name', () => {
  const name = () => `waypost test ${process.pid}`;
  let squatter: Daemon | undefined;
  afterEach(async () => {
    await squatter?.stop('SIGKILL');
    await endHolders();
  });

  test('is one process’s alone until that gives it up, or is killed', async () => {
    const lock = taken(lockName(name()));
    expect(lockName(name())).toEqual({ pid: process.pid });
    expect(await holder('name', name())).toMatchObject({ has: false, holder: { pid: process.pid } });
    lock.release();
    const second = await holder('name', name());
    expect(second.has).toBe(true);
    // However often it is asked for: each caller is let in and sent away.
    for (let n = 0; n < 20; n++) expect(lockName(name())).toEqual({ pid: second.pid });
    await second.kill();
    taken(lockName(name())).release();
  });

  test('is of a network namespace, whatever processes and files are seen there', async () => {
    const first = await holder('name', name(), ['unshare', '--pid', '--fork', '--mount-proc']);
    expect(first).toMatchObject({ has: true, pid: 1 });
    const seen = lockName(name());
    expect(isHeld(seen) && seen.pid !== undefined && seen.pid > 1).toBe(true);
    expect(await holder('name', name(), ['unshare', '--pid', '--fork', '--mount-proc'])).toMatchObject({
      has: false,
      holder: {},
    });
    expect(await holder('name', name(), ['unshare', '--net'])).toMatchObject({ has: true });
  });

  test('that somebody has who may not change the network keeps nobody from it', async () => {
    const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    // One of ours does not even take it.
    expect(await holder('name', name(), nobody)).toMatchObject({ has: true });
    taken(lockName(name())).release();
    squatter = new Daemon([...nobody, 'perl', '-MSocket', '-e', perl(name())]);
    await waitFor('it has the name', () => squatter?.stdout.includes('x'));
    taken(lockName(name())).release();
  });

  test('that is bound and not listened on is no daemon’s', () => {
    const fd = unixSocket();
    sysBind(fd, unixAddress(`@${name()}`)!);
    taken(lockName(name())).release();
    sysClose(fd);
  });
});

/** Listens on a name that is in no file system: Node would fill it up with zeros. */
const perl = (name: string): string =>
  `socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack('S', AF_UNIX) . "\\0" . ${JSON.stringify(name)}) or die $!; listen($s, 1); $| = 1; print "x\\n"; sleep 1000;`;

describe('two daemons', () => {
  const ROUTE = '203.0.113.0/24';
  let host: Namespace;
  let nodes: Node[];
  beforeEach(async () => {
    nodes = [];
    host = await Namespace.create('both');
    await host.run(['ip', 'link', 'add', 'd0', 'type', 'veth', 'peer', 'name', 'd1']);
    await host.run(['ip', 'address', 'add', '10.9.0.1/24', 'dev', 'd0']);
    for (const device of ['d0', 'd1']) await host.run(['ip', 'link', 'set', device, 'up']);
    router('127.0.0.2');
  });
  afterEach(async () => {
    for (const node of nodes) await node.end('SIGKILL');
    await host.close();
  });

  function router(address: string): void {
    const flags = ['--local-as', '65002', '--peer-as', '65001', '--router-id', '10.9.0.9', '--source', address];
    const listens = ['--passive', '--listen', `${address}:1790`, '--next-hop', '10.9.0.2', '--announce', ROUTE];
    host.spawn([...program, 'peer', '127.0.0.1', ...flags, ...listens, '--json']);
  }
  const learningFrom = (address: string) => receiving(65001, [{ address, asn: 65002, sourceaddress: '127.0.0.1' }]);
  const learning = learningFrom('127.0.0.2');
  /** Somebody that does not answer. */
  const silent = bgpPeer('nobody', { myASN: 65001, peerASN: 65003, peerAddress: '127.0.0.3' });
  const layer2: Document = { apiVersion: 'metallb.io/v1beta1', kind: 'L2Advertisement', metadata: { name: 'all' } };

  function node(spec: object, ...documents: readonly Document[]): Node {
    const made = new Node(host);
    nodes.push(made);
    made.speaker({ ...spec });
    made.write('more', ...documents);
    return made;
  }
  const installed = async (protocol = '186') =>
    (await host.run(['ip', 'route', 'show', ROUTE, 'proto', protocol])).trim();
  const log = () => nodes.map((each) => each.log()).join('\n');
  const route = (protocol?: string) =>
    waitFor('the route', async () => (await installed(protocol)) !== '' || undefined, { log });
  /** How a start of this node is refused. */
  async function refused(which: Node): Promise<string> {
    const control = `${which.documents}/sock`;
    const argv = ['run', '-c', which.documents, '--node', 'node-a', '--control', control, '--http', 'off'];
    const { code, stderr } = await host.outcome([...program, ...argv]);
    expect(code, stderr).toBe(1);
    return stderr.trimEnd().split('\n').at(-1)!;
  }

  test('both learn: the second is refused; one that learns nothing leaves the routes of the first alone', async () => {
    const a = node({}, learning);
    await a.start();
    await route();
    const watch = host.spawn(['ip', 'monitor', 'route']);
    // Would it think of routes that nobody tells it as left by its own last process, it would take them away after a second.
    const b = node({ kernel: { sweepAfter: '1s' } }, silent);
    await b.start();
    const message = await refused(node({}, learning));
    expect(message).toMatch(
      /^waypost: no valid configuration to start with: \S+\/more\.yaml:\d+:\d+: error: FRRConfiguration\/receive-all: routes with protocol 186 and metric 20 are those that another daemon in this network namespace has learned: process (\d+) \(stop it \(kill \1\), or give one of the two Speakers another spec\.kernel\.protocol, or spec\.kernel\.install: false\)$/,
    );
    expect(message).toContain(`process ${a.pid} `);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(watch.output).not.toContain(ROUTE);
    expect(await installed()).not.toBe('');

    // At a reload too: the last good configuration stays, and passes once the other has ended.
    b.write('more', silent, learning);
    await waitFor('it is refused', () => b.log().includes('configuration refused') || undefined, { log });
    expect((await b.rows('peers')).map(({ name }) => name)).toEqual(['nobody']);
    await a.end('SIGKILL');
    expect(await installed()).not.toBe('');
    expect((await b.command('reload')).code).toBe(0);
    await waitFor('it learns', async () => (await b.rows('routes')).length > 0 || undefined, { log });
    expect(await b.end()).toBe(0);
    expect(await installed()).toBe('');
  });

  test('routes with another protocol and metric live beside each other', async () => {
    await node({}, learning).start();
    await route();
    router('127.0.0.4');
    const b = node({ kernel: { protocol: 187, metric: 30 } }, learningFrom('127.0.0.4'));
    await b.start();
    await route('187');
    expect(await b.end()).toBe(0);
    expect(await installed('187')).toBe('');
    expect(await installed()).not.toBe('');
  });

  test.each([
    [
      'answer on layer 2',
      {},
      layer2,
      'L2Advertisement/all: another daemon in this network namespace announces addresses on layer 2',
      'leave L2Advertisements to one of the two',
    ],
    [
      'put addresses on the loopback',
      { loopbackAddresses: ['bgp'] },
      silent,
      'Speaker/node-a: spec.loopbackAddresses: another daemon in this network namespace puts addresses on the loopback',
      'leave that to one of the two',
    ],
  ])(
    'both %s: the second is refused, and starts once the first was killed',
    async (_, spec, document, what, instead) => {
      const a = node(spec, document);
      await a.start();
      const b = node(spec, document);
      const { pid } = a;
      const message = await refused(b);
      expect(message.slice(message.indexOf('error: '))).toBe(
        `error: ${what}: process ${pid} (stop it (kill ${pid}), or ${instead})`,
      );
      await a.end('SIGKILL');
      await b.start();
      expect(await b.end()).toBe(0);
    },
  );
});
