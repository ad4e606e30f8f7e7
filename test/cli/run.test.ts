/** The daemon as a process, and the commands that talk to it: start, signals, `show`, `reload`, the end. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  advertisementDocument,
  all,
  aWhile,
  Folder,
  peerDocument,
  poolDocument,
  Router,
  serviceDocument,
  soon,
  spawnWaypost,
  steadySpeaker,
  waypost,
} from '../support/daemon.ts';
import { Daemon as ChildProcess, type Outcome, type Daemon as Process } from '../support/process.ts';

let router: Router;
let folder: Folder;
let state: Folder;
let daemon: Process | undefined;
beforeEach(async () => {
  router = await new Router().start();
  folder = new Folder();
  state = new Folder();
  folder.put(
    'main.yaml',
    all(
      steadySpeaker(state.path),
      peerDocument('router', router, { peerPort: router.port }),
      poolDocument('main', ['198.51.100.0/24']),
      advertisementDocument('main', 'main', { communities: ['64512:9'] }),
    ),
  );
  folder.put('web.yaml', serviceDocument('web'));
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  await router.stop();
  folder.dispose();
  state.dispose();
});

const control = (): string => state.file('control.sock');
const ask = (...argv: readonly string[]): Promise<Outcome> => waypost([...argv, '--control', control()]);

const run = (...more: readonly string[]): Process =>
  spawnWaypost(['run', '-c', folder.path, '--control', control(), '--http', 'off', ...more]);

async function started(...more: readonly string[]): Promise<Process> {
  daemon = run(...more);
  await router.knows('198.51.100.0/32');
  return daemon;
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });

describe('its end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s: exit 0, soon, and Cease 6/2 for the peer', async (signal) => {
    const process = await started();
    const before = performance.now();
    expect(await process.stop(signal, 10_000)).toBe(0);
    expect(performance.now() - before).toBeLessThan(5_000);
    await soon('the farewell', () => router.ends.length === 1);
    expect(router.ends[0]).toContain('Cease/Administrative Shutdown');
    expect(process.stdout).toBe('');
  });

  test('a second SIGINT ends a drain at once', async () => {
    folder.put(
      'main.yaml',
      folder.read('main.yaml').replace('{"onShutdown":false}', '{"onShutdown":true,"wait":"60s"}'),
    );
    const process = await started();
    process.signal('SIGINT');
    await soon('it drains', () => process.output.includes('draining'));
    expect(process.running).toBe(true);
    expect(await process.stop('SIGINT', 10_000)).toBe(1);
  });

  test('SIGTERM while there is nothing yet to talk to', async () => {
    await router.stop();
    daemon = run();
    await soon('it is ready', () => daemon!.output.includes('"ready"'));
    expect(await daemon.stop('SIGTERM', 10_000)).toBe(0);
  });
});

describe('its start', () => {
  const refused = async (message: RegExp, ...argv: readonly string[]): Promise<void> => {
    const { code, stderr } = await waypost(['run', '--control', control(), '--http', 'off', ...argv]);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  };

  test('a path that is missing', async () => {
    await refused(/^waypost: no valid configuration to start with: \/none:1:1: error: no such file/, '-c', '/none');
  });

  test('several paths, files and folders: all of them are read', async () => {
    const other = new Folder();
    try {
      other.put('shop.yaml', serviceDocument('shop'));
      daemon = run('-c', other.file('shop.yaml'));
      await router.knows('198.51.100.0/32', '198.51.100.1/32');
    } finally {
      other.dispose();
    }
  });

  test('a configuration with errors: all of them in the log, the first in the message', async () => {
    folder.put('bad.yaml', all(poolDocument('a', ['x']), poolDocument('b', ['y'])));
    await refused(/bad\.yaml:4:\d+: error: IPAddressPool\/a: .* \(and 1 more\)$/, '-c', folder.path);
  });

  test('a control socket that another daemon has', async () => {
    await started();
    const { pid } = daemon!;
    const message = `another daemon answers there \\(process ${pid}\\); stop it \\(kill ${pid}\\) or give --control another path$`;
    await refused(new RegExp(`^waypost: cannot listen on .*: ${message}`), '-c', folder.path);
    expect((await ask('show', 'peers')).code).toBe(0);
  });

  test('a state directory that another daemon has: who that is, and free again once it was killed', async () => {
    const first = await started();
    const argv = ['-c', folder.path, '--control', state.file('other')];
    const said = `Speaker/node-a: spec.stateDir: ${state.path} is the state directory of another daemon: process ${first.pid} (stop it (kill ${first.pid}), or give each a spec.stateDir of its own)`;
    const { code, stderr } = await waypost(['run', '--http', 'off', ...argv]);
    expect([code, stderr.trimEnd().split('\n').at(-1)]).toEqual([
      1,
      `waypost: no valid configuration to start with: ${folder.file('main.yaml')}:1:1: error: ${said}`,
    ]);
    expect(router.sessions).toBe(1);
    await first.stop('SIGKILL');
    await started();
    expect(await daemon!.stop('SIGTERM', 10_000)).toBe(0);
  });

  test('a metrics port that another has', async () => {
    const port = await freePort();
    await started('--http', `127.0.0.1:${port}`);
    const { code, stderr } = await waypost([
      ...['run', '-c', folder.path, '--control', state.file('other'), '--http', `127.0.0.1:${port}`],
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `cannot listen on 127.0.0.1:${port} (--http): it is in use (ss -ltnp 'sport = :${port}' names the program); give --http another one, or off\n`,
    );
  });

  test('metrics and health on TCP', async () => {
    const port = await freePort();
    await started('--http', `127.0.0.1:${port}`);
    const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });
    expect(await (await get('/healthz')).text()).toBe('ok\n');
    expect((await get('/readyz')).status).toBe(200);
    const metrics = await get('/metrics');
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toMatch(/^metallb_speaker_announced\{service="default\/web",/m);
    expect((await get('/metrics', 'POST')).status).toBe(405);
    expect((await get('/reload', 'POST')).status).toBe(405);
    expect((await get('/show/peers')).status).toBe(404);
  });

  test('the log: JSON lines, or words for people', async () => {
    const process = await started();
    for (const line of process.output.split('\n').filter(Boolean)) {
      const entry = JSON.parse(line) as Record<string, unknown>;
      expect(entry).toMatchObject({ level: expect.any(Number), msg: expect.any(String) });
      expect(entry.time).toMatch(/^\d{4}-/);
    }
    await process.stop();
    const pretty = await started('--log-format', 'pretty', '--log-level', 'debug');
    await soon('the line', () => /^\d\d:\d\d:\d\d\.\d{3} info {2}session up {2}peer=router /m.test(pretty.output));
  });

  test('a control socket where nobody but root may make one: the message says what to do', async () => {
    const argv = ['node', 'bin/waypost', 'run', '-c', folder.path, '--control', '/waypost-nowhere/s', '--http', 'off'];
    const root = process.getuid!() === 0;
    daemon = new ChildProcess(argv, root ? { uid: 65534, gid: 65534 } : {});
    await soon('its end', () => !daemon!.running);
    expect(daemon.exitCode).toBe(1);
    expect(daemon.output).toBe(
      'waypost: cannot listen on /waypost-nowhere/s: permission denied: become root or a user that may write to /waypost-nowhere, or give --control another path\n',
    );
  });

  test('without privileges', async () => {
    // Nobody may read the folders of root, so the documents are opened to all.
    const opened = spawnSync('chmod', ['-R', 'a+rwX', folder.path, state.path]);
    expect(opened.status).toBe(0);
    const root = process.getuid!() === 0;
    const argv = ['node', 'bin/waypost', 'run', '-c', folder.path, '--control', control(), '--http', 'off'];
    daemon = new ChildProcess(argv, root ? { uid: 65534, gid: 65534 } : {});
    await router.knows('198.51.100.0/32');
    expect((await ask('show', 'peers')).code).toBe(0);
  });
});

describe('no descriptor is left', () => {
  test('sessions go on, and what was changed meanwhile takes effect once there are some', async () => {
    const argv = ['run', '-c', folder.path, '--control', control(), '--http', 'off'];
    const LIMIT = 64;
    daemon = new ChildProcess(['bash', '-c', `ulimit -n ${LIMIT}; exec node bin/waypost "$@"`, 'bash', ...argv]);
    await router.knows('198.51.100.0/32');
    // Callers who say nothing: each has a descriptor of the daemon's until it finds that out, and calls again then.
    const callers = new Set<Socket>();
    let calling = true;
    const call = () => {
      const caller = connect(control()).on('error', () => {});
      callers.add(caller);
      caller.on('close', () => {
        callers.delete(caller);
        if (calling) setTimeout(call, 20);
      });
    };
    for (let n = 0; n < 100; n++) call();
    const open = () => readdirSync(`/proc/${daemon!.pid}/fd`).length;
    await soon('none is left', () => open() >= LIMIT - 1);
    folder.put('shop.yaml', serviceDocument('shop'));
    await soon('it cannot be read', () => daemon!.output.includes('EMFILE'));
    // Whatever is looked at every second was, several times.
    await aWhile(3_500);
    expect(daemon.running).toBe(true);
    calling = false;
    for (const caller of callers) caller.destroy();
    await soon('the second Service', () => router.routes.size === 2);
    expect(router.sessions).toBe(1);
    // Of the file, and of the folder it is in; not each time that it is looked at.
    expect(daemon.output.split('configuration refused').length).toBeLessThanOrEqual(3);
    expect(await daemon.stop('SIGTERM', 10_000)).toBe(0);
  });
});

describe('what nobody takes', () => {
  /** Standard error goes to a device that is always full, or to nobody at all. */
  test.each([
    ['json', 'exec node bin/waypost "$@" 2>/dev/full'],
    ['pretty', 'exec node bin/waypost "$@" 2>/dev/full'],
    ['json', 'node bin/waypost "$@" 2>&1 >/dev/null | head -c 1 >/dev/null'],
    ['pretty', 'node bin/waypost "$@" 2>&1 >/dev/null | head -c 1 >/dev/null'],
  ])('the log (%s): sessions go on: %s', async (format, script) => {
    const argv = ['run', '-c', folder.path, '--control', control(), '--http', 'off', '--log-format', format];
    daemon = new ChildProcess(['bash', '-c', script, 'bash', ...argv, '--log-level', 'debug']);
    await router.knows('198.51.100.0/32');
    folder.put('shop.yaml', serviceDocument('shop'));
    await soon('the second Service', () => router.routes.size === 2);
    expect(await ask('reload')).toMatchObject({ code: 0 });
    expect(router.sessions).toBe(1);
    expect(daemon.running).toBe(true);
  });

  test('a record on a full disk: it ends with an error in the log, and the sessions do not', async () => {
    const process = await started('--record', '/dev/full', '--log-level', 'info');
    await soon('the error', () => process.output.includes('the record ends here; the sessions go on'));
    folder.put('shop.yaml', serviceDocument('shop'));
    await soon('the second Service', () => router.routes.size === 2);
    expect(process.output.split('the record ends here')).toHaveLength(2);
    expect(await process.stop('SIGTERM', 10_000)).toBe(0);
  });

  test('what a command prints: exit 1 and a line that says so', async () => {
    await started();
    const script = `node bin/waypost show peers --json --control ${control()} >/dev/full`;
    const { status, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^waypost: standard output cannot be written: ENOSPC.*\n$/),
    ]);
  });
});

describe('show', () => {
  test('tables without a terminal: plain columns, no colours, no trailing blanks', async () => {
    await started();
    for (const what of ['peers', 'advertised', 'received', 'services', 'config']) {
      const { code, stdout, stderr } = await ask('show', what);
      expect([code, stderr]).toEqual([0, '']);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those must not be there
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|[ ]$/m);
    }
    const lines = (await ask('show', 'peers')).stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(
      /^NAME +ADDRESS +AS +STATE +BFD +UPTIME +FAMILIES +SENT +RECEIVED +ACCEPTED +FLAPS +LAST ERROR$/,
    );
    expect(lines[1]).toMatch(/^router +127\.0\.0\.1 +64512 +Established +- +\d+s +ipv4 ipv6 +1 +0 +0 +0 +-$/);
    expect((await ask('show', 'advertised')).stdout).toMatch(
      /^router +198\.51\.100\.0\/32 +127\.0\.0\.1 +- +100 +- +64512:9 +BGPAdvertisement\/main$/m,
    );
    expect((await ask('show', 'services')).stdout).toMatch(
      /^default\/web +198\.51\.100\.0 +main +announced +198\.51\.100\.0\/32 +router +- +-$/m,
    );
    expect((await ask('show', 'config')).stdout).toMatch(/^node node-a, read \S+: valid\n/);
  });

  test('what a session that is up does not carry stands beside it', async () => {
    await router.stop();
    router = await new Router({ families: ['ipv4'] }).start();
    const six = [poolDocument('six', ['2001:db8::/64']), advertisementDocument('six', 'six')];
    folder.put('six.yaml', all(...six, serviceDocument('six', { ip: '2001:db8::7' })));
    folder.put('main.yaml', folder.read('main.yaml').replace(/"peerPort":\d+/, `"peerPort":${router.port}`));
    await started();
    await soon('the reason', async () =>
      / 1 ipv6 not sent: familyNotNegotiated$/m.test((await ask('show', 'peers')).stdout),
    );
  });

  test('JSON is one value, sorted by its key', async () => {
    for (const name of ['c', 'a', 'b']) folder.put(`${name}.yaml`, serviceDocument(name));
    daemon = run();
    await soon('all', () => router.routes.size === 4);
    const advertised = JSON.parse((await ask('show', 'advertised', '--json')).stdout) as { prefix: string }[];
    expect(advertised.map((row) => row.prefix)).toEqual([0, 1, 2, 3].map((i) => `198.51.100.${i}/32`));
    const services = JSON.parse((await ask('show', 'services', '--json')).stdout) as { service: string }[];
    expect(services.map((row) => row.service)).toEqual(['a', 'b', 'c', 'web'].map((name) => `default/${name}`));
    // As a router sends them is not as they are shown.
    for (const text of ['203.0.113.128/25', '10.0.0.0/8', '203.0.113.0/24', '9.0.0.0/8'])
      router.announce(text, { origin: 'igp', asPath: [], localPref: 100 });
    await soon('received', async () => (await ask('show', 'received')).stdout.split('\n').length === 6);
    const received = JSON.parse((await ask('show', 'received', '--json')).stdout) as { prefix: string }[];
    expect(received.map((row) => row.prefix)).toEqual([
      '9.0.0.0/8',
      '10.0.0.0/8',
      '203.0.113.0/24',
      '203.0.113.128/25',
    ]);
    const inside = await ask('show', 'received', '--json', '--prefix', '203.0.113.0/24');
    expect(JSON.parse(inside.stdout)).toHaveLength(2);
    expect((await ask('show', 'received', '--peer', 'nobody', '--json')).stdout).toBe('[]\n');
    for (const what of ['advertised', 'config'])
      expect(await ask('show', what, '-o', 'json')).toEqual(await ask('show', what, '--json'));
  });

  test('--watch prints what changed, until it is interrupted', async () => {
    await started();
    const watch = spawnWaypost(['show', 'services', '--watch', '--control', control()]);
    await soon('the first table', () => watch.stdout.includes('default/web'));
    folder.put('shop.yaml', serviceDocument('shop'));
    await soon('the second', () => watch.stdout.includes('default/shop'));
    expect(watch.stdout.match(/^SERVICE/gm)).toHaveLength(2);
    expect(await watch.stop('SIGINT')).toBe(0);
  });

  test('--watch --json: a line for each change', async () => {
    await started();
    const watch = spawnWaypost(['show', 'services', '--watch', '--json', '--control', control()]);
    await soon('the first', () => watch.stdout.includes('default/web'));
    folder.put('shop.yaml', serviceDocument('shop'));
    await soon('the second', () => watch.stdout.includes('default/shop'));
    const lines = watch.stdout.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as unknown[]).length)).toEqual([1, 2]);
    expect(await watch.stop('SIGINT')).toBe(0);
  });

  test('events: what was decided and what happened, with the reasons; --watch follows', async () => {
    await started();
    const { stdout } = await ask('show', 'events');
    expect(stdout).toMatch(/^\S+ \S+ {2}session router: session up: OpenConfirm → Established$/m);
    expect(stdout).toMatch(/ service default\/web: announced \(BGP\): 198\.51\.100\.0 through main$/m);
    const watch = spawnWaypost(['show', 'events', '--watch', '--json', '--control', control()]);
    await soon('what was', () => watch.stdout.includes('session up'));
    const before = watch.stdout.trimEnd().split('\n').length;
    folder.put('lost.yaml', serviceDocument('lost', { ip: '203.0.113.1' }));
    await soon('what came', () => watch.stdout.includes('ipNotAllowed'));
    const fresh = watch.stdout.trimEnd().split('\n').slice(before);
    expect(fresh.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({
        kind: 'service',
        subject: 'default/lost',
        event: 'not announced (BGP)',
        reason: 'ipNotAllowed',
      }),
    );
    expect(await watch.stop('SIGINT')).toBe(0);
  });

  test('a reader that has seen enough is no failure', async () => {
    await started();
    const script = `node bin/waypost show config --json --control ${control()} | head -c 1; exit \${PIPESTATUS[0]}`;
    const { status, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  test.each(['peers', 'events'])('--watch %s ends with exit 1 and a reason when the daemon goes', async (what) => {
    const process = await started();
    const watch = spawnWaypost(['show', what, '--watch', '--control', control()]);
    await soon('something', () => watch.stdout.includes('router'));
    await process.stop();
    await soon('its end', () => !watch.running);
    expect(watch.exitCode).toBe(1);
    expect(watch.output).toMatch(/^waypost: (no daemon answers on|the daemon on \S+ went away)/m);
    expect(watch.output).not.toMatch(/\n\s+at /);
  });

  test('filters: each does what it says, and one that a subject has not is refused', async () => {
    await started();
    const rows = async (...argv: readonly string[]) =>
      JSON.parse((await ask('show', ...argv, '--json')).stdout) as Record<string, unknown>[];
    folder.put('six.yaml', all(poolDocument('six', ['2001:db8::/64']), serviceDocument('six', { ip: '2001:db8::7' })));
    await soon('both', async () => (await rows('services')).length === 2);
    const names = async (...argv: readonly string[]) => (await rows('services', ...argv)).map((row) => row.service);
    expect(await names('--family', 'ipv6')).toEqual(['default/six']);
    expect(await names('--prefix', '198.51.100.0/24')).toEqual(['default/web']);
    expect(await names('--peer', 'router')).toEqual(['default/web']);
    expect(await names('--peer', '127.0.0.1')).toEqual(['default/web']);
    expect(await names('--peer', 'nobody')).toEqual([]);
    expect(await names('--vrf', 'red')).toEqual([]);
    expect(await rows('peers', '--vrf', 'red')).toEqual([]);
    expect(await rows('peers', '--family', 'ipv4')).toHaveLength(1);
    const kinds = new Set((await rows('events', '--peer', '127.0.0.1')).map((row) => `${row.kind} ${row.subject}`));
    expect([...kinds].sort()).toEqual(['peer router', 'session router']);
    expect(await ask('show', 'config', '--peer', 'router')).toMatchObject({
      code: 2,
      stderr: 'waypost: show config has no --peer: it takes no filter\n',
    });
    expect(await ask('show', 'peers', '--prefix', '10.0.0.0/8')).toMatchObject({
      code: 2,
      stderr: 'waypost: show peers has no --prefix: it takes --peer, --vrf, --family\n',
    });
  });

  test('something else on the socket', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
    await new Promise<void>((resolve) => server.listen(control(), resolve));
    expect(await ask('show', 'peers')).toMatchObject({
      code: 1,
      stderr: `waypost: what answers on ${control()} is not waypost\n`,
    });
    server.close();
  });

  test('no daemon is exit 1', async () => {
    const { code, stdout, stderr } = await ask('show', 'peers');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^waypost: no daemon answers on .*: is `waypost run` up\? \(--control/);
  });

  test('a subject that is none lists those that are', async () => {
    expect(await ask('show', 'peer')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        'peers, advertised, received, routes, services, l2, vrfs, bfd, members, config, events',
      ),
    });
  });
});

describe('reload', () => {
  test('says nothing when all is well, and warnings when there are some', async () => {
    await started();
    expect(await ask('reload')).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^(\S+: warning: .*\n)*$/),
      stderr: '',
    });
  });

  test('exit 1 and the lines of what is wrong; the last good configuration stays', async () => {
    await started();
    folder.put('bad.yaml', poolDocument('bad', ['nonsense']));
    const { code, stdout, stderr } = await ask('reload');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^\/\S+\/bad\.yaml:4:\d+: error: IPAddressPool\/bad: spec\.addresses\[0\]: .+$/m);
    expect(stderr).toBe('waypost: configuration refused: the last good one stays in force\n');
    const config = await ask('show', 'config');
    expect(config.stdout).toMatch(/: refused; an older one is in force\n/);
    expect(config.stdout).toMatch(/bad\.yaml:4:\d+: error: /);
    expect(router.prefixes).toEqual(['198.51.100.0/32']);
    folder.remove('bad.yaml');
    expect((await ask('reload')).code).toBe(0);
    expect(router.sessions).toBe(1);
  });

  test('SIGHUP reads again', async () => {
    const process = await started();
    const before = process.output.split('configuration read').length;
    process.signal('SIGHUP');
    await soon('another reading', () => process.output.split('configuration read').length > before);
    expect(process.running).toBe(true);
    await aWhile(100);
    expect(router.sessions).toBe(1);
  });

  test('SIGHUP from the first moment on does no harm', async () => {
    daemon = run();
    for (let i = 0; i < 40 && !daemon.output.includes('"ready"'); i++) {
      if (daemon.output !== '') daemon.signal('SIGHUP');
      await aWhile(10);
    }
    await router.knows('198.51.100.0/32');
    expect(daemon.running).toBe(true);
  });

  test.each(['reload', 'drain', 'undrain'])('no daemon is exit 1: %s', async (verb) => {
    expect(await ask(verb)).toMatchObject({ code: 1, stderr: expect.stringContaining('no daemon answers') });
  });
});

test('demo: exit 0, and the routes of the example', async () => {
  const { code, stdout, stderr } = await waypost(['demo']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('one Service: the router knows 4 routes');
  expect(stdout).toMatch(/^ {4}203\.0\.113\.200\/30 +via \S+ +origin igp +local-pref 100 +communities 8000:800$/m);
  expect(stdout).toContain('no Service left: the router knows 0 routes');
});
