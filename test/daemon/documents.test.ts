/** Input that is wrong, at the start and at a reload: a clear message, and the last good configuration in force. */
import { mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Hearing } from '../../src/config/membership.ts';
import type { Configuration, Diagnostic } from '../../src/config/model.ts';
import { Documents, loadDocuments, type Reading } from '../../src/daemon/documents.ts';
import {
  advertisementDocument,
  all,
  aWhile,
  fixture,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceDocument,
  soon,
} from '../support/daemon.ts';

let router: Router;
let site: Site;
beforeEach(async () => {
  router = await new Router({ families: ['ipv4'] }).start();
  site = new Site();
});
afterEach(async () => {
  await site.stop();
  await router.stop();
});

const pool = all(poolDocument('main', ['198.51.100.0/24']), advertisementDocument('main', 'main'));
const peer = (): string => peerDocument('router', router, { dualStackAddressFamily: false });

async function running(): Promise<void> {
  site.folder.put('pool.yaml', pool);
  site.folder.put('peer.yaml', peer());
  site.folder.put('web.yaml', serviceDocument('web'));
  await site.start();
  await router.knows('198.51.100.0/32');
  router.forget();
}

async function untouched(): Promise<void> {
  await aWhile(100);
  expect([router.prefixes, router.updates, router.sessions]).toEqual([['198.51.100.0/32'], 0, 1]);
}

const everybody = (): Hearing => ({ silent: new Set(), aside: false });

const errorsOf = (reading: Reading): string[] =>
  reading.diagnostics.filter((d) => d.severity === 'error').map((d) => `${d.position.file}: ${d.message}`);

/** Mistakes that a file can be, by what the message must say. */
const mistakes: readonly [name: string, message: RegExp, make: (file: string) => void][] = [
  ['not YAML', /./, (file) => writeFileSync(file, 'kind: [unclosed\n')],
  ['not UTF-8', /not UTF-8/, (file) => writeFileSync(file, Buffer.from([0x6b, 0x3a, 0x20, 0xc3, 0x28, 0x0a]))],
  ['UTF-16', /not UTF-8/, (file) => writeFileSync(file, Buffer.from('\ufeffkind: Pod\n', 'utf16le'))],
  [
    'over 32 MB',
    /more than the 32 MB/,
    (file) => {
      writeFileSync(file, '');
      truncateSync(file, 32 * 1024 * 1024 + 1);
    },
  ],
  ['a YAML bomb', /./, (file) => writeFileSync(file, fixture('yaml-bomb.yaml'))],
  ['a folder', /is a folder/, (file) => mkdirSync(file)],
  ['a circle of links', /circle/, (file) => symlinkSync('bad.yaml', file)],
  ['a link to nothing', /link to nothing/, (file) => symlinkSync('nothing.yaml', file)],
  [
    'a duplicate',
    /duplicate definition of IPAddressPool/,
    (file) => writeFileSync(file, poolDocument('main', ['192.0.2.0/24'])),
  ],
  ['a pool over another', /overlap/i, (file) => writeFileSync(file, poolDocument('other', ['198.51.100.128/25']))],
  ['a field with the wrong type', /./, (file) => writeFileSync(file, poolDocument('other', [42 as unknown as string]))],
];

describe.each(mistakes)('a file that is %s', (_, message, make) => {
  const put = (): void => {
    make(site.folder.file('.new'));
    renameSync(site.folder.file('.new'), site.folder.file('bad.yaml'));
  };

  test('at the start: it does not start, and says why', async () => {
    site.folder.put('pool.yaml', pool);
    site.folder.put('peer.yaml', peer());
    put();
    const failure = await site.start().then(String, (error: Error) => error.message);
    expect(failure).toMatch(/^no valid configuration to start with: \S+\.yaml:\d+:\d+: error: /);
    const errors = errorsOf(site.daemon.documents.reading!).join('\n');
    expect(errors).toMatch(/bad\.yaml/);
    expect(errors).toMatch(message);
  });

  test('at a reload: the last good configuration stays', async () => {
    await running();
    await site.refuses(put, message);
    await untouched();
    await site.accepts(() => renameSync(site.folder.file('bad.yaml'), site.folder.file('bad.txt')));
    await untouched();
  });
});

describe('nothing to read', () => {
  test.each([
    ['an empty folder', () => {}],
    ['an empty file', () => site.folder.put('a.yaml', '')],
    ['comments alone', () => site.folder.put('a.yaml', '# nothing yet\n---\n')],
    ['kinds of others', () => site.folder.put('a.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n')],
  ])('%s is no configuration to start with', async (_, make) => {
    make();
    await expect(site.daemon.start()).rejects.toThrow(/there is no document at all/);
  });

  test('a path that is missing', async () => {
    await site.stop();
    site = new Site({ paths: ['/nonexistent/waypost'] });
    await expect(site.daemon.start()).rejects.toThrow('/nonexistent/waypost:1:1: error: no such file or folder');
  });

  test('a file that was emptied keeps what it said until it is removed, whoever reloads', async () => {
    await running();
    await site.refuses(() => site.folder.put('web.yaml', ''), /web\.yaml: is empty now and held 1 document: remove it/);
    expect((await site.daemon.documents.reload()).valid).toBe(false);
    expect((await site.daemon.documents.reload()).valid).toBe(false);
    await untouched();
    await site.accepts(() => site.folder.remove('web.yaml'));
    await router.knows();
  });

  test('a folder that goes away keeps all of it', async () => {
    await running();
    await site.refuses(() => renameSync(site.folder.path, `${site.folder.path}.gone`), /no such file or folder/);
    await untouched();
    await site.accepts(() => renameSync(`${site.folder.path}.gone`, site.folder.path));
    await untouched();
  });

  test('all files gone from the folder keep all of it', async () => {
    await running();
    await site.refuses(() => {
      for (const name of ['pool.yaml', 'peer.yaml', 'web.yaml', 'speaker.yaml']) site.folder.remove(name);
    }, /there is no document at all/);
    await untouched();
  });

  test('a file given by name that goes away keeps what it said', async () => {
    await running();
    const paths = ['pool.yaml', 'peer.yaml', 'web.yaml', 'speaker.yaml'].map((name) => site.folder.file(name));
    await site.restart({ paths });
    await router.knows('198.51.100.0/32');
    await site.refuses(() => site.folder.remove('web.yaml'), /web\.yaml: no such file or folder/);
    await aWhile(100);
    expect(router.prefixes).toEqual(['198.51.100.0/32']);
  });
});

describe('edits as people and tools make them', () => {
  const two = all(serviceDocument('web'), serviceDocument('shop'));
  const three = all(serviceDocument('web'), serviceDocument('shop'), serviceDocument('blog'));

  test('in place, in pieces: nothing is withdrawn on the way', async () => {
    await running();
    site.folder.put('web.yaml', two);
    await router.knows('198.51.100.0/32', '198.51.100.1/32');
    router.forget();
    truncateSync(site.folder.file('web.yaml'), 0);
    await aWhile(60);
    // Document by document: every part of it would be a valid file.
    for (const piece of three.split(/^(?=---)/m)) {
      writeFileSync(site.folder.file('web.yaml'), piece, { flag: 'a' });
      await aWhile(100);
    }
    await router.knows('198.51.100.0/32', '198.51.100.1/32', '198.51.100.2/32');
    expect([router.withdrawn, router.sessions]).toEqual([0, 1]);
  });

  test('a folder as a ConfigMap volume', async () => {
    const version = (n: number, text: string): void => {
      mkdirSync(site.folder.file(`..v${n}`));
      writeFileSync(site.folder.file(`..v${n}/web.yaml`), text);
      symlinkSync(`..v${n}`, site.folder.file('..data_tmp'));
      renameSync(site.folder.file('..data_tmp'), site.folder.file('..data'));
    };
    site.folder.put('pool.yaml', pool);
    site.folder.put('peer.yaml', peer());
    version(1, serviceDocument('web'));
    symlinkSync('..data/web.yaml', site.folder.file('web.yaml'));
    await site.start();
    await router.knows('198.51.100.0/32');
    version(2, three);
    await router.knows('198.51.100.0/32', '198.51.100.1/32', '198.51.100.2/32');
    expect([router.withdrawn, router.sessions]).toEqual([0, 1]);
  });

  test('one edit among many files parses one document', async () => {
    site.folder.put('pool.yaml', all(poolDocument('main', ['10.0.0.0/16']), advertisementDocument('main', 'main')));
    site.folder.put('peer.yaml', peer());
    for (let i = 0; i < 300; i++) site.folder.write(`s${i}.yaml`, serviceDocument(`s${i}`));
    await site.start();
    await soon('the router knows all', () => router.routes.size === 300);
    router.forget();
    const before = site.daemon.documents.config!;
    await site.accepts(() => site.folder.put('s7.yaml', serviceDocument('s7', { ip: '10.0.200.1' })));
    const after = site.daemon.documents.config!;
    // A document that was read again would be another object.
    const renewed = [...after.services].filter(([key, service]) => before.services.get(key) !== service);
    expect(renewed.map(([key]) => key)).toEqual(['default/s7']);
    expect(after.pools.get('main')).toBe(before.pools.get('main'));
    expect(after.speaker).toBe(before.speaker);
    await soon('the route moved', () => router.routes.has('10.0.200.1/32'));
    expect([router.updates, router.announced, router.withdrawn]).toEqual([2, 1, 1]);
  });

  test('a reload without a change leaves everything as it is', async () => {
    await running();
    const before = site.daemon.documents.config!;
    const reading = await site.daemon.documents.reload();
    expect(reading.valid).toBe(true);
    expect(site.daemon.documents.config!.services.get('default/web')).toBe(before.services.get('default/web'));
    await untouched();
  });

  test('however many ask for a reload at once, each gets one that began after it asked, and there are two at most', async () => {
    await running();
    const { documents } = site.daemon;
    const before = documents.readings;
    const first = documents.reload();
    await aWhile(0);
    site.folder.write('web.yaml', serviceDocument('renamed'));
    const others = Array.from({ length: 200 }, () => documents.reload());
    for (const reading of await Promise.all([first, ...others])) expect(reading.valid).toBe(true);
    expect(documents.config!.services.has('default/renamed')).toBe(true);
    expect(documents.readings - before).toBeLessThanOrEqual(2);
  });

  test('warnings do not keep a configuration from being applied', async () => {
    await running();
    await site.accepts(() =>
      site.folder.put('more.yaml', poolDocument('more', ['192.0.2.0/24'], { autoAsign: false })),
    );
    const [warning] = site.daemon.documents.reading!.diagnostics;
    expect(warning).toMatchObject({ severity: 'warning', hint: expect.stringContaining('autoAssign') });
    expect(site.messages('more.yaml')[0]?.level).toBe(40);
  });
});

test('after close, what is read is not applied', async () => {
  await running();
  const before = site.daemon.documents.config;
  site.folder.put('web.yaml', serviceDocument('other'));
  site.daemon.documents.close();
  await aWhile();
  expect(site.daemon.documents.config).toBe(before);
  await soon('the session is still there', () => router.established);
});

describe('what cannot be applied', () => {
  const documents = (admit: () => readonly Diagnostic[], apply: (config: Configuration) => void) =>
    new Documents({
      ...{ paths: [site.folder.path], node: 'node-a', hearing: everybody, admit, apply },
      ...{ read: () => {}, blind: () => {} },
    });

  test('for now is refused with the reasons among the others, and taken by a reload once it can be', async () => {
    site.folder.put('pool.yaml', pool);
    let errors: readonly Diagnostic[] = [
      {
        severity: 'error',
        position: { file: site.folder.file('pool.yaml'), line: 1, column: 1 },
        subject: 'IPAddressPool/main',
        path: '',
        message: 'planted',
        transient: true,
      },
    ];
    const applied: Configuration[] = [];
    const read = documents(
      () => errors,
      (config) => applied.push(config),
    );
    expect(await read.reload()).toMatchObject({ valid: false, transient: true, diagnostics: errors });
    expect([read.config, applied, read.refusals]).toEqual([undefined, [], 1]);
    errors = [];
    expect(await read.reload()).toMatchObject({ valid: true, diagnostics: [] });
    expect(applied).toHaveLength(1);
    read.close();
  });

  test('since that fails is told to whoever asked, and is not the last that is read', async () => {
    site.folder.put('pool.yaml', pool);
    let fails = true;
    const applied: Configuration[] = [];
    const read = documents(
      () => [],
      (config) => {
        if (fails) throw new Error('planted');
        applied.push(config);
      },
    );
    await expect(read.reload()).rejects.toThrow('planted');
    fails = false;
    expect((await read.reload()).valid).toBe(true);
    expect(applied).toHaveLength(1);
    read.close();
  });
});

describe('who is heard of', () => {
  const speaker = (membership: string): string => `
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec: {membership: ${membership}}
`;
  const watched = '{type: bfd, addresses: {node-a: 192.0.2.1, node-b: 192.0.2.2}}';
  // By `hashText` over node#service node-b is to carry it.
  const egress = `
apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: web, namespace: default}
spec: {sourceIPBy: LoadBalancerIP}
`;
  const router = (host: number, selector = ''): string =>
    `apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: r${host}${selector && 'x'}}\nspec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.${host}${selector}}\n`;

  class Bench {
    hearing: Hearing = { silent: new Set(), aside: true };
    readonly hosts: (string | undefined)[] = [];
    readonly outcomes: boolean[] = [];
    readonly documents = new Documents({
      ...{ paths: [site.folder.path], node: undefined, admit: () => [], blind: () => {} },
      hearing: () => this.hearing,
      apply: (config) => this.hosts.push(config.egress.get('default/web')?.host),
      read: ({ valid }) => this.outcomes.push(valid),
    });

    async hears(silent: readonly string[], aside = false): Promise<void> {
      this.hearing = { silent: new Set(silent), aside };
      this.documents.heard();
      await aWhile(20);
    }
  }

  test('decides which node carries an EgressService, without another reading of the documents', async () => {
    site.folder.put('all.yaml', all(speaker(watched), egress, serviceDocument('web')));
    const bench = new Bench();
    await bench.documents.reload();
    await bench.hears([]);
    await bench.hears(['node-b']);
    await bench.hears(['node-b']);
    await bench.hears([]);
    expect(bench.hosts).toEqual(['node-b', 'node-b', 'node-a', 'node-b']);
    expect([bench.documents.readings, bench.outcomes]).toEqual([1, [true]]);
    bench.documents.close();
    await bench.hears(['node-b']);
    expect(bench.hosts).toHaveLength(4);
  });

  test('decides it from the last good documents where they are broken now', async () => {
    site.folder.put('all.yaml', all(speaker(watched), egress, serviceDocument('web')));
    const bench = new Bench();
    await bench.documents.reload();
    site.folder.put('all.yaml', 'kind: [unclosed\n');
    expect((await bench.documents.reload()).valid).toBe(false);
    await bench.hears(['node-b']);
    expect(bench.hosts.at(-1)).toBe('node-a');
    expect(bench.documents.reading).toMatchObject({ valid: false });
    expect(bench.outcomes).toEqual([true, false]);
    bench.documents.close();
  });

  test('is told, and nothing is changed, where what this node would carry contradicts the rest', async () => {
    const carrier = ', nodeSelectors: [{matchLabels: {egress-service.k8s.ovn.org/default-web: ""}}]';
    site.folder.put('all.yaml', all(speaker(watched), egress, serviceDocument('web'), router(9), router(9, carrier)));
    const bench = new Bench();
    bench.hearing = everybody();
    await bench.documents.reload();
    await bench.hears(['node-b']);
    expect(bench.hosts).toEqual(['node-b']);
    expect(errorsOf(bench.documents.reading!).join()).toMatch(/192\.0\.2\.9/);
    await bench.hears([]);
    expect([bench.hosts.at(-1), bench.outcomes]).toEqual(['node-b', [true, false, true]]);
    expect(bench.documents.reading).toMatchObject({ valid: true });
    bench.documents.close();
  });

  test('is what a plan goes by that is compared with the daemon', async () => {
    site.folder.put('all.yaml', all(speaker(watched), egress, serviceDocument('web')));
    const hostOf = async (hearing?: Hearing) =>
      (await loadDocuments([site.folder.path])).assemble(undefined, hearing).configuration?.egress.get('default/web')
        ?.host;
    expect(await hostOf()).toBe('node-b');
    expect(await hostOf({ silent: new Set(['node-b']), aside: false })).toBe('node-a');
  });

  test.each([
    ['no EgressService', watched, ''],
    ['no BFD', '{nodes: [node-a, node-b]}', egress],
  ])('is nothing to documents with %s', async (_, membership, more) => {
    site.folder.put('all.yaml', all(speaker(membership), serviceDocument('web'), more));
    const bench = new Bench();
    await bench.documents.reload();
    await bench.hears(['node-b']);
    expect(bench.hosts).toHaveLength(1);
    bench.documents.close();
  });
});
