/**
 * Documents change at random under sessions that go on, end and come back, and the daemon is drained, or started again: in the
 * end every router knows what a daemon that had just been started would tell it, and nobody lost a session without a reason.
 */
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { readDocuments } from '../../src/daemon/documents.ts';
import { outlookOf } from '../../src/daemon/outlook.ts';
import { type PlanReceiver, plannedRoutes, settingsOf } from '../../src/intent/plan/part.ts';
import {
  advertisementDocument,
  aWhile,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceObject,
  soon,
} from '../support/daemon.ts';

const routers: Router[] = [];
let site: Site | undefined;
afterEach(async () => {
  await site?.stop();
  site = undefined;
  await Promise.all(routers.splice(0).map((router) => router.stop()));
});

const names = ['a', 'b', 'c', 'd', 'e'];
const lengths = [30, 32] as const;
type Act =
  | { readonly do: 'service'; readonly name: string; readonly gone: boolean; readonly communities: string | undefined }
  | {
      readonly do: 'advertisement';
      readonly length: number;
      readonly localPref: number;
      readonly peers: readonly string[];
    }
  | { readonly do: 'pool'; readonly wide: boolean }
  | { readonly do: 'peer'; readonly name: string; readonly hold: string; readonly gone: boolean }
  | { readonly do: 'drain' | 'undrain' | 'restart'; readonly atOnce: boolean }
  | { readonly do: 'wait'; readonly ms: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('service' as const),
      name: fc.constantFrom(...names),
      gone: fc.boolean(),
      communities: fc.constantFrom(undefined, '65000:1', '65000:2'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('advertisement' as const),
      length: fc.constantFrom(...lengths),
      localPref: fc.constantFrom(100, 200),
      peers: fc.constantFrom([], ['inside'], ['outside']),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pool' as const), wide: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('peer' as const),
      name: fc.constantFrom('inside', 'outside'),
      hold: fc.constantFrom('90s', '60s'),
      gone: fc.nat(4).map((n) => n === 0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('drain' as const, 'undrain' as const, 'restart' as const),
      atOnce: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 5, 40, 150) }) },
);

/** What each router is to know of the documents. */
async function wanted(here: Site): Promise<Record<string, string[]>> {
  const { configuration } = await readDocuments([here.folder.path], undefined);
  const { services, drainer } = { services: here.daemon.engine.services, drainer: here.daemon.drainer };
  const outlook = await outlookOf(configuration!, {
    remembered: services.allocator.snapshot(),
    drain: drainer.stage === 'none' ? undefined : { stage: drainer.stage, keepSoleLocal: true },
  });
  const receivers = settingsOf(outlook.peers) as unknown as PlanReceiver[];
  const found: Record<string, string[]> = { inside: [], outside: [] };
  for (const { peer, prefix, localPref, communities } of plannedRoutes(outlook.services.advertisements, receivers))
    found[peer]!.push(`${prefix} ${localPref} ${communities}`);
  for (const routes of Object.values(found)) routes.sort();
  return found;
}

const known = (router: Router): string[] =>
  [...router.routes].map(([prefix, { localPref, communities }]) => `${prefix} ${localPref} ${communities}`).sort();

test('whatever happens, every router knows what it should', { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 25 }), async (acts) => {
    const [inside, outside] = [
      await new Router({ families: ['ipv4'] }).start(),
      await new Router({ address: '127.0.0.2', asn: 64513, families: ['ipv4'] }).start(),
    ];
    routers.push(inside, outside);
    const here = new Site();
    site = here;
    const peer = (name: string, more: object = {}) =>
      here.folder.put(
        `${name}.yaml`,
        peerDocument(name, name === 'inside' ? inside : outside, {
          connectTime: '1s',
          dualStackAddressFamily: false,
          ebgpMultiHop: name === 'outside',
          ...more,
        }),
      );
    const pool = (wide: boolean) =>
      here.folder.put('pool.yaml', poolDocument('main', [wide ? '198.51.100.0/24' : '198.51.100.0/30']));
    peer('inside');
    peer('outside');
    pool(true);
    here.folder.put('adv.yaml', advertisementDocument('main', 'main'));
    for (const name of names.slice(0, 2)) here.folder.put(`svc-${name}.yaml`, JSON.stringify(serviceObject(name)));
    await here.start();
    let sessionsMayEnd = 0;
    const present = new Set([...names.slice(0, 2), 'inside', 'outside']);
    const remove = (name: string, file: string) => {
      if (present.delete(name)) here.folder.remove(file);
    };
    for (const one of acts) {
      switch (one.do) {
        case 'service':
          if (one.gone) remove(one.name, `svc-${one.name}.yaml`);
          else {
            const document = serviceObject(one.name) as { metadata: object };
            const annotations = one.communities && { 'waypost.dev/communities': one.communities };
            here.folder.put(
              `svc-${one.name}.yaml`,
              JSON.stringify({ ...document, metadata: { ...document.metadata, annotations } }),
            );
            present.add(one.name);
          }
          break;
        case 'advertisement': {
          const { length, localPref, peers } = one;
          here.folder.put(
            'adv.yaml',
            advertisementDocument('main', 'main', { aggregationLength: length, localPref, peers }),
          );
          break;
        }
        case 'pool':
          pool(one.wide);
          break;
        case 'peer':
          sessionsMayEnd++;
          if (one.gone) remove(one.name, `${one.name}.yaml`);
          else {
            peer(one.name, { holdTime: one.hold });
            present.add(one.name);
          }
          break;
        case 'drain':
          void here.daemon.drainer.begin('operator', one.atOnce);
          break;
        case 'undrain':
          here.daemon.drainer.end('operator');
          break;
        case 'restart':
          sessionsMayEnd++;
          await here.restart();
          break;
        case 'wait':
          await aWhile(one.ms);
          break;
      }
    }
    let want: Record<string, string[]> = {};
    const all = () => ({
      ...(present.has('inside') && { inside: known(inside) }),
      ...(present.has('outside') && { outside: known(outside) }),
    });
    const right = () => ({
      ...(present.has('inside') && { inside: want.inside }),
      ...(present.has('outside') && { outside: want.outside }),
    });
    const isUp = () =>
      (!present.has('inside') || inside.established) && (!present.has('outside') || outside.established);
    const isRight = async () => {
      want = await wanted(here);
      return isUp() && JSON.stringify(all()) === JSON.stringify(right());
    };
    const told = () => [inside, outside].map(({ announced, withdrawn }) => `${announced} ${withdrawn}`).join();
    try {
      // Until it is right, and nobody is told anything any more.
      await soon('both know', async () => {
        if (!(await isRight())) return false;
        const before = told();
        await aWhile(60);
        return told() === before && (await isRight());
      });
    } catch {
      expect({ up: isUp(), ...all() }).toEqual({ up: true, ...right() });
    }
    if (sessionsMayEnd === 0) expect([...inside.ends, ...outside.ends]).toEqual([]);
    await here.stop();
    site = undefined;
    await Promise.all(routers.splice(0).map((router) => router.stop()));
  });
  await fc.assert(property, {
    numRuns: Number(process.env.RUNS ?? 10),
    endOnFailure: process.env.SHRINK === undefined,
  });
});
