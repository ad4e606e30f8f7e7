/** Metrics by the names and labels that MetalLB's dashboards and alerts ask for. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  advertisementDocument,
  all,
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
  router = await new Router().start();
  site = new Site();
  site.folder.put(
    'pool.yaml',
    all(poolDocument('main', ['198.51.100.0/30', '2001:db8::/127']), advertisementDocument('main', 'main')),
  );
  site.folder.put('peer.yaml', peerDocument('router', router));
  site.folder.put('web.yaml', serviceDocument('web', { dual: true }));
  await site.start();
  await router.knows('198.51.100.0/32', '2001:db8::/128');
});
afterEach(async () => {
  await site.stop();
  await router.stop();
});

/** Values by name and labels, as the text has them. */
async function values(): Promise<Map<string, number>> {
  const lines = (await site.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('names, labels and values', async () => {
  const labels = `{peer="127.0.0.1:${router.port}",vrf=""}`;
  const now = await values();
  const expected: Record<string, number> = {
    [`metallb_bgp_session_up${labels}`]: 1,
    [`metallb_bgp_announced_prefixes_total${labels}`]: 2,
    [`metallb_bgp_pending_prefixes_total${labels}`]: 0,
    [`metallb_bgp_opens_sent${labels}`]: 1,
    [`metallb_bgp_opens_received${labels}`]: 1,
    [`metallb_bgp_notifications_sent${labels}`]: 0,
    [`metallb_bgp_updates_total${labels}`]: router.updates,
    [`metallb_bgp_route_refresh_sent${labels}`]: 0,
    [`waypost_bgp_advertised_prefixes${labels}`]: 2,
    [`waypost_bgp_received_prefixes${labels}`]: 0,
    [`waypost_bgp_flaps_total${labels}`]: 0,
    'metallb_speaker_announced{service="default/web",protocol="bgp",node="node-a",ip="198.51.100.0"}': 1,
    'metallb_speaker_announced{service="default/web",protocol="bgp",node="node-a",ip="2001:db8::"}': 1,
    'metallb_allocator_addresses_total{pool="main"}': 6,
    'metallb_allocator_addresses_in_use_total{pool="main"}': 2,
    'metallb_allocator_ipv4_addresses_total{pool="main"}': 4,
    'metallb_allocator_ipv4_addresses_in_use_total{pool="main"}': 1,
    'metallb_allocator_ipv6_addresses_total{pool="main"}': 2,
    'metallb_allocator_ipv6_addresses_in_use_total{pool="main"}': 1,
    'metallb_allocator_services_allocated_total{pool="main"}': 1,
    metallb_k8s_client_config_loaded_bool: 1,
    metallb_k8s_client_config_stale_bool: 0,
    metallb_k8s_client_updates_total: 1,
    metallb_k8s_client_update_errors_total: 0,
  };
  expect(Object.fromEntries(Object.keys(expected).map((key) => [key, now.get(key)]))).toEqual(expected);
  for (const name of [
    'keepalives_sent',
    'keepalives_received',
    'updates_total_received',
    'total_sent',
    'total_received',
  ])
    expect(now.get(`metallb_bgp_${name}${labels}`), name).toBeGreaterThan(0);
  expect(now.get('waypost_process_resident_memory_bytes')).toBeGreaterThan(1e6);
});

test('every line is well formed, and every metric has its help and type', async () => {
  const text = await site.metrics();
  expect(text.endsWith('\n')).toBe(true);
  const typed = new Set([...text.matchAll(/^# TYPE (\S+) (?:gauge|counter|histogram|summary)$/gm)].map((m) => m[1]));
  const helped = new Set([...text.matchAll(/^# HELP (\S+) .+$/gm)].map((m) => m[1]));
  for (const line of text.split('\n').filter((l) => l !== '' && !l.startsWith('#'))) {
    const match = /^([a-z_][a-z0-9_]*)(?:\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? \S+$/i.exec(
      line,
    );
    expect(match, line).not.toBeNull();
    const name = match![1]!.replace(/_(?:bucket|sum|count)$/, '');
    expect(typed.has(name) && helped.has(name), line).toBe(true);
  }
});

test('they follow: a Service that goes, a session that ends, a configuration that is refused', async () => {
  const labels = `{peer="127.0.0.1:${router.port}",vrf=""}`;
  site.folder.remove('web.yaml');
  await router.knows();
  let now = await values();
  expect([...now.keys()].filter((key) => key.startsWith('metallb_speaker_announced'))).toEqual([]);
  expect(now.get(`metallb_bgp_announced_prefixes_total${labels}`)).toBe(0);
  await site.refuses(() => site.folder.put('bad.yaml', '- [\n'), /./);
  now = await values();
  expect(now.get('metallb_k8s_client_config_stale_bool')).toBe(1);
  expect(now.get('metallb_k8s_client_config_loaded_bool')).toBe(1);
  expect(now.get('metallb_k8s_client_update_errors_total')).toBe(1);
  await router.stop();
  await soon('the session is down', async () => (await values()).get(`metallb_bgp_session_up${labels}`) === 0);
  expect((await values()).get(`waypost_bgp_flaps_total${labels}`)).toBe(1);
  await site.accepts(() => {
    site.folder.remove('bad.yaml');
    site.folder.remove('peer.yaml');
  });
  await soon(
    'its metrics are gone',
    async () => ![...(await values()).keys()].some((key) => key.startsWith('metallb_bgp_')),
  );
});

test('a peer that nobody was found for counts as down, so that alerts see it', async () => {
  const link = 'no-such-link';
  await site.accepts(() =>
    site.folder.put(
      'link.yaml',
      peerDocument('fabric', router, { interface: link, peerAddress: undefined, sourceAddress: undefined, vrf: 'red' }),
    ),
  );
  const label = `{peer="${link}:${router.port}",vrf="red"}`;
  await soon('its value', async () => (await values()).get(`metallb_bgp_session_up${label}`) === 0);
  const now = await values();
  expect([...now.keys()].filter((key) => key.includes(link))).toEqual([`metallb_bgp_session_up${label}`]);
  expect(now.get(`metallb_bgp_session_up{peer="127.0.0.1:${router.port}",vrf=""}`)).toBe(1);
});
