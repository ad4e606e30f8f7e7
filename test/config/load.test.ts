import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/config/assemble.ts';
import { formatDiagnostic } from '../../src/config/format.ts';
import { farLength, fileLimit, type LoadedFile, Loader } from '../../src/config/load.ts';
import { batches, parseChunk } from '../../src/config/parse.ts';
import { encode, loadText } from '../support/config.ts';

const service = (name: string, extra = '') =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\nspec:\n  type: LoadBalancer\n${extra}`;

const places = (file: LoadedFile) =>
  file.documents.map(({ meta }) => [meta.name, meta.position.line, meta.position.column]);
const items = (file: LoadedFile) => file.documents.map(({ item }) => item);

describe('a reload', () => {
  it('keeps what did not change, and moves it', async () => {
    const loader = new Loader();
    const before = await loadText([service('a'), service('b'), service('c')].join('---\n'), 'f', loader);
    expect(places(before)).toEqual([
      ['a', 1, 1],
      ['b', 8, 1],
      ['c', 15, 1],
    ]);
    const text = ['# new\n', service('x'), service('a'), service('b', '  ports: [{port: 80}]\n'), service('c')];
    const after = await loadText(text.join('---\n'), 'f', loader);
    expect(places(after)).toEqual([
      ['x', 3, 1],
      ['a', 10, 1],
      ['b', 17, 1],
      ['c', 25, 1],
    ]);
    // The first document of a file has no marker of its own: `a` has one now, so it is read anew.
    expect(after.documents[3]).toBe(before.documents[2]);
    expect(after.documents[2]).not.toBe(before.documents[1]);
    expect(before.documents[2]!.meta.position).toMatchObject({ file: 'f', line: 25 });
  });

  it('tells the places of what is wrong where they are now', async () => {
    const loader = new Loader();
    const wrong = `${service('a')}  typo: 1\n  externalTrafficPolicy: local\n`;
    const told = async (text: string) =>
      assemble([await loadText(text, 'f', loader)], { hostname: 'host' }).diagnostics.map(
        ({ position: { line, column }, path }) => [path, line, column],
      );
    expect(await told(`${service('x')}---\n${wrong}`)).toEqual([
      ['spec.typo', 14, 3],
      ['spec.externalTrafficPolicy', 15, 26],
    ]);
    expect(await told(`# three\n# more\n# lines\n${service('x')}---\n${wrong}`)).toEqual([
      ['spec.typo', 17, 3],
      ['spec.externalTrafficPolicy', 18, 26],
    ]);
  });

  describe('of a List', () => {
    const item = (name: string, port = 80, kind = '"apiVersion": "v1", "kind": "Service", ') =>
      `    {${kind}"metadata": {"name": "${name}"},\n     "spec": {"ports": [{"port": ${port}}], "typo": 1}}`;
    const listOf = (items: readonly string[], head = '"apiVersion": "v1", "kind": "List"') =>
      `{${head}, "items": [\n${items.join(',\n')}\n]}\n`;
    const shown = (file: LoadedFile) => JSON.parse(JSON.stringify(file)) as unknown;

    it('keeps the items that did not change, and moves them', async () => {
      const loader = new Loader();
      const before = await loadText(listOf([item('a'), item('b'), item('c'), item('c')]), 'f', loader);
      const text = listOf([item('new'), item('a'), item('b', 81), item('c'), item('c')]);
      const after = await loadText(text, 'f', loader);
      const [, a, b, c, twin] = after.documents;
      expect([a, c, twin]).toEqual([before.documents[0], before.documents[2], before.documents[3]]);
      expect(a).toBe(before.documents[0]);
      expect(c).toBe(before.documents[2]);
      expect(twin).toBe(before.documents[3]);
      expect(b).not.toBe(before.documents[1]);
      expect(places(after).map(([name, line]) => [name, line])).toEqual([
        ['new', 2],
        ['a', 4],
        ['b', 6],
        ['c', 8],
        ['c', 10],
      ]);
      expect(c!.source.locate(['spec', 'typo'], true)).toEqual({ line: 9, column: 40 });
      // What was kept is known by its new text.
      const last = await loadText(text.replace('81', '82'), 'f', loader);
      expect(last.documents[1]).toBe(a);
      expect(shown(last)).toEqual(shown(await loadText(text.replace('81', '82'), 'f')));
    });

    it('reads items anew whose kind the List says, where that is another', async () => {
      const loader = new Loader();
      const items = ['a', 'b'].map((name) => item(name, 80, ''));
      const text = listOf(items, '"apiVersion": "v1", "kind": "ServiceList"');
      expect((await loadText(text, 'f', loader)).documents.map(({ meta }) => meta.kind)).toEqual([
        'Service',
        'Service',
      ]);
      const after = await loadText(text.replace('ServiceList', 'NodeList'), 'f', loader);
      expect(after.documents.map(({ meta }) => meta.kind)).toEqual(['Node', 'Node']);
    });

    it('reads items of YAML anew that take something from elsewhere', async () => {
      const loader = new Loader();
      const text = `apiVersion: v1\nkind: List\nmetadata: {annotations: &app {app: web}}\nitems:\n${['a', 'b']
        .map((n) => `- {apiVersion: v1, kind: Namespace, metadata: {name: ${n}, labels: *app}}\n`)
        .join('')}- {apiVersion: v1, kind: Namespace, metadata: {name: c}}\n`;
      const before = await loadText(text, 'f', loader);
      const after = await loadText(text.replace('web', 'shop'), 'f', loader);
      expect(after.documents.map(({ meta }) => meta.labels)).toEqual([{ app: 'shop' }, { app: 'shop' }, {}]);
      expect(after.documents[2]).toBe(before.documents[2]);
    });

    it('says what a first reading says, whatever was done to it', async () => {
      const names = ['a', 'b', 'c', 'd', 'e'];
      const yaml = (n: string, port: number) =>
        `- apiVersion: v1\n  kind: Service\n  metadata: {name: ${n}}\n  spec:\n    ports:\n    - port: ${port}\n    typo: |\n      x\n`;
      const lists = {
        json: (all: readonly (readonly [string, number])[]) => listOf(all.map(([n, port]) => item(n, port))),
        yaml: (all: readonly (readonly [string, number])[]) =>
          `apiVersion: v1\nitems:\n${all.map(([n, port]) => yaml(n, port)).join('')}kind: List\n`,
      };
      const member = fc.tuple(fc.constantFrom(...names), fc.constantFrom(80, 81));
      const version = fc.record({
        front: fc.constantFrom('', '# front\n', `${service('x')}---\n`),
        members: fc.array(member, { maxLength: 6 }),
        back: fc.constantFrom('', `---\n${service('y')}`),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('json', 'yaml'),
          fc.array(version, { maxLength: 6 }),
          async (kind, versions) => {
            const loader = new Loader();
            for (const { front, members, back } of versions) {
              const text = `${front}${lists[kind](members)}${back}`;
              const file = await loadText(text, 'f', loader);
              expect(shown(file)).toEqual(shown(await loadText(text, 'f')));
              expect(new Set(file.documents).size).toBe(file.documents.length);
            }
          },
        ),
        { numRuns: 200 },
      );
    });
  });

  it('keeps equal documents apart', async () => {
    const loader = new Loader();
    const twice = `# twice\n---\n${service('a')}---\n${service('a')}`;
    const before = await loadText(twice, 'f', loader);
    const after = await loadText(twice, 'f', loader);
    expect(before.documents[0]).not.toBe(before.documents[1]);
    expect(items(after)).toEqual(items(before));
    expect(after.documents[0]).toBe(before.documents[0]);
    expect(after.documents[1]).toBe(before.documents[1]);
    const more = await loadText(`${twice}---\n${service('a')}`, 'f', loader);
    expect(new Set(more.documents).size).toBe(3);
    expect(places(more).map(([, line]) => line)).toEqual([3, 10, 17]);
  });

  it('says what a first reading says, whatever was done to the file', async () => {
    const scraps = ['---\n', '...\n', '\n', '# é\n', '--- ', '-', '.', '\ufeff', service('x'), `---\n${service('y')}`];
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.constantFrom(0, 0, 1, 4, 60, 300),
      insert: fc.constantFrom('', ...scraps),
    });
    const all = (file: LoadedFile) => JSON.parse(JSON.stringify(file)) as unknown;
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 6 }), async (edits) => {
        const loader = new Loader();
        let text = ['a', 'b', 'c', 'd'].map((name) => service(name)).join('---\n');
        await loadText(text, 'f', loader);
        for (const { at, remove, insert } of edits) {
          const i = Math.floor(at * text.length);
          text = text.slice(0, i) + insert + text.slice(i + remove);
          expect(all(await loadText(text, 'f', loader))).toEqual(all(await loadText(text, 'f')));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is not confused by a version that was no text', async () => {
    const loader = new Loader();
    const text = [service('a'), service('b'), service('c')].join('---\n');
    const before = await loadText(text, 'f', loader);
    const broken = Uint8Array.of(...encode(`# moved\n---\n${text}---\n`), 0xff, 10);
    expect((await loader.load('f', broken)).diagnostics[0]!.message).toBe('not UTF-8');
    const after = await loadText(text, 'f', loader);
    expect(after.documents).toEqual(before.documents);
    expect(places(after)).toEqual([
      ['a', 1, 1],
      ['b', 8, 1],
      ['c', 15, 1],
    ]);
  });

  it('knows one file from another, and forgets', async () => {
    const loader = new Loader();
    const first = await loadText(service('a'), 'f', loader);
    expect((await loadText(service('a'), 'g', loader)).documents[0]).not.toBe(first.documents[0]);
    expect((await loadText(service('a'), 'f', loader)).documents[0]).toBe(first.documents[0]);
    loader.forget('f');
    expect((await loadText(service('a'), 'f', loader)).documents[0]).not.toBe(first.documents[0]);
  });
});

describe('a JSON file', () => {
  const said = async (text: string, file = 'f.json') => {
    const pool =
      'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [10.0.0.0/24]}\n';
    const files = [await loadText(pool, 'pool.yaml'), await loadText(text, file)];
    const { configuration, diagnostics } = assemble(files, { hostname: 'host' });
    return [configuration === undefined ? 'refused' : 'applied', ...diagnostics.map(formatDiagnostic)];
  };

  it('holds documents, as YAML does', async () => {
    const one = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const list = { apiVersion: 'v1', kind: 'List', items: [one('a'), one('b')] };
    expect(places(await loadText(JSON.stringify(list, undefined, 4), 'f.json'))).toEqual([
      ['a', 5, 9],
      ['b', 12, 9],
    ]);
    expect(await said(JSON.stringify(one('a')))).toEqual(['applied']);
  });

  it.each(['{"version": 1, "assignments": []}', '[1, 2]', '[]', '"text"', '7'])(
    'that is %s is told of and passed over',
    async (text) => {
      expect(await said(text)).toEqual([
        'applied',
        'f.json:1:1: warning: not a Kubernetes object: ignored (keep it elsewhere)',
      ]);
      expect((await said(text, 'f.yaml'))[0]).toBe('refused');
    },
  );

  it.each([
    ['{"kind": "Namespace", "metadata": {"name": "a"}}', 'apiVersion is missing'],
    ['[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}]', 'found a list'],
    ['{"apiVersion": "v1", "kind": "List", "items": [{"metadata": {"name": "a"}}]}', 'apiVersion is missing'],
    ['{"apiVersion": "v1", "kind": "Namespace", ', 'not YAML'],
  ])('that tries to hold a document is refused for what is wrong: %s', async (text, message) => {
    expect(await said(text)).toEqual(['refused', expect.stringContaining(message), ...(await said(text)).slice(2)]);
  });
});

describe('what is no text', () => {
  const refusal = async (bytes: Uint8Array) => (await new Loader().load('f', bytes)).diagnostics.map(formatDiagnostic);

  it('is refused where it stops being UTF-8', async () => {
    expect(await refusal(Uint8Array.of(...encode('a: 1\nb: é'), 0xc3, 0x28))).toEqual(['f:2:5: error: not UTF-8']);
  });

  it('is refused when a character is cut off at the end', async () => {
    expect(await refusal(Uint8Array.of(...encode('ab: '), 0xe2, 0x82))).toEqual(['f:1:5: error: not UTF-8']);
  });

  it('is recognised when it is UTF-16', async () => {
    expect(await refusal(Uint8Array.of(0xff, 0xfe, 0x61, 0))).toEqual([
      'f:1:1: error: not UTF-8 (the file is UTF-16: save it as UTF-8)',
    ]);
  });

  it('reads any character, and skips a byte order mark', async () => {
    const text = `\ufeff# ${'x'.repeat(1024)}é\n---\n${service('a')}`;
    const file = await loadText(text);
    expect(file.documents.map(({ meta }) => meta.name)).toEqual(['a']);
    expect(file.diagnostics).toEqual([]);
  });

  it('skips byte order marks between documents, as where files were put one behind the other', async () => {
    const file = await loadText(`${service('a')}\ufeff---\n${service('b')}\ufeff...\n---\n${service('c')}`);
    expect(places(file)).toEqual([
      ['a', 1, 1],
      ['b', 8, 1],
      ['c', 16, 1],
    ]);
    expect(file.diagnostics).toEqual([]);
  });

  it('refuses JSON in which a key stands twice, as it does YAML', async () => {
    const json = `{"apiVersion": "v1", "kind": "Namespace",\n "metadata": {"name": "a", "name": "b"}}`;
    expect((await loadText(json, 'f')).diagnostics.map(formatDiagnostic)).toEqual([
      'f:2:28: error: the key "name" stands twice in one mapping',
    ]);
  });

  it('is refused when it is too big, before it is read', async () => {
    expect(await refusal(new Uint8Array(fileLimit + 1))).toEqual([
      'f:1:1: error: the file has 33554433 bytes, more than the limit of 33554432 (split it)',
    ]);
  });

  it('is refused when it is nested too deeply', async () => {
    const deep = `a: ${'['.repeat(20_000)}`;
    expect(await refusal(encode(deep))).toEqual([
      expect.stringMatching(/^f:1:\d+: error: nested too deeply to be read$/),
    ]);
    const brackets = '['.repeat(20_000) + ']'.repeat(20_000);
    const json = `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"selector": ${brackets}, "tyqe": 1}}`;
    const { configuration, diagnostics } = assemble([await loadText(json)], { hostname: 'host' });
    expect(configuration).toBeUndefined();
    expect(diagnostics.map(formatDiagnostic)).toEqual([
      'test.yaml:1:1: error: Service/a: nested too deeply to be read',
    ]);
  });
});

describe('slices', () => {
  const many = Array.from({ length: 200 }, (_, i) => service(`s${i}`));

  it('pauses as it goes along, and the result does not show it', async () => {
    let pauses = 0;
    const loader = new Loader({
      pause: async () => {
        pauses++;
      },
    });
    const file = await loadText(many.join('---\n'), 'f', loader);
    expect(file.documents).toHaveLength(200);
    expect(pauses).toBeGreaterThan(5);
    expect(items(file)).toEqual(items(await loadText(many.join('---\n'), 'f')));
  });

  const item = (text: string) => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`;
  const list = `kind: List\napiVersion: v1\nitems:\n${many.map(item).join('')}${'# filler\n'.repeat(3000)}`;

  it('sends what is too big for one far away, and takes it back in batches', async () => {
    expect(list.length).toBeGreaterThan(farLength);
    const sent: string[] = [];
    let received = 0;
    const loader = new Loader({
      async *parseFar(text) {
        sent.push(text);
        for (const batch of batches(parseChunk(text))) {
          received++;
          expect(batch.pieces.length).toBeLessThanOrEqual(50);
          yield structuredClone(batch);
        }
      },
    });
    const file = await loadText(`${service('near')}---\n${list}`, 'f', loader);
    expect(sent).toEqual([`---\n${list}`]);
    expect(received).toBe(4);
    expect(file.documents).toHaveLength(201);
    expect(places(file)[1]).toEqual(['s0', 11, 3]);
    expect(places(file)[2]).toEqual(['s1', 17, 3]);
    expect(items(file)).toEqual(items(await loadText(`${service('near')}---\n${list}`, 'f')));
    await loadText(`${service('near')}---\n${list}`, 'f', loader);
    expect(sent).toHaveLength(1);
  });

  it('gives octets back once they are not needed', async () => {
    const released: Uint8Array[] = [];
    const loader = new Loader({ release: (bytes) => released.push(bytes) });
    const [one, two] = [encode(service('a')), encode(service('b'))];
    for (const bytes of [one, one, Uint8Array.of(0xff), two]) await loader.load('f', bytes);
    expect(released.filter(({ length }) => length > 0)).toEqual([one]);
    expect(released.at(-1)).toBe(one);
  });

  it('hands faults back once', async () => {
    const far = batches(parseChunk('a: [1'), 1);
    expect([...far].map(({ faults }) => faults.length)).toEqual([1]);
  });
});

describe('places', () => {
  const locate = async (text: string, path: (string | number)[], atKey = false) => {
    const { line, column } = (await loadText(text)).documents[0]!.source.locate(path, atKey);
    return `${line}:${column}`;
  };
  const text = `# first\n---\n${service('a', '  ports:\n  - port: 80\n    name: "http"\n  selector: {app: web}\n')}`;

  it.each<[(string | number)[], string]>([
    [[], '3:1'],
    [['metadata', 'name'], '6:9'],
    [['spec'], '7:1'],
    [['spec', 'ports'], '9:3'],
    [['spec', 'ports', 0], '10:5'],
    [['spec', 'ports', 0, 'name'], '11:11'],
    [['spec', 'ports', 0, 'missing'], '10:5'],
    [['spec', 'ports', 7, 'name'], '9:3'],
    [['spec', 'selector', 'app'], '12:19'],
    [['status', 'loadBalancer'], '3:1'],
  ])('%j', async (path, expected) => {
    expect(await locate(text, path)).toBe(expected);
  });

  it('of a key', async () => {
    expect(await locate(text, ['spec', 'selector', 'app'], true)).toBe('12:14');
  });

  it('through anchors, and of an item in a JSON List', async () => {
    const anchored = `apiVersion: v1\nkind: Namespace\nmetadata: {name: &n a, labels: {x: *n}}\n`;
    expect(await locate(anchored, ['metadata', 'labels', 'x'])).toBe('3:36');
    const json = `{"kind": "List", "apiVersion": "v1",\n "items": [\n  {"apiVersion": "v1",\n   "kind": "Namespace", "metadata": {"name": "a"}}]}`;
    expect(await locate(json, ['metadata', 'name'])).toBe('4:46');
  });

  it('is all that a position serialises to', async () => {
    const { documents } = await loadText(text, 'f');
    expect(JSON.parse(JSON.stringify(documents[0]!.meta.position))).toEqual({ file: 'f', line: 3, column: 1 });
  });
});
