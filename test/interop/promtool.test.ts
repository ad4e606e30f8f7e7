/** Prometheus' own tool reads the alert rules, tries them, and takes the format of what a daemon exposes. */
import { expect, test } from 'vitest';
import {
  advertisementDocument,
  all,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceDocument,
} from '../support/daemon.ts';
import { outcome, run } from '../support/process.ts';

const folder = 'packaging/prometheus';

test('the rules are well formed, and fire when they should and only then', async () => {
  expect(await run(['promtool', 'check', 'rules', `${folder}/alerts.yaml`])).toMatch(/SUCCESS: \d+ rules found/);
  expect(await run(['promtool', 'test', 'rules', `${folder}/alerts_test.yaml`])).toContain('SUCCESS');
});

test('the metrics are in its format, and unusual are the names of MetalLB and Node alone', async () => {
  const router = await new Router().start();
  const site = new Site();
  try {
    site.folder.put('pool.yaml', all(poolDocument('main', ['198.51.100.0/30']), advertisementDocument('main', 'main')));
    site.folder.put('peer.yaml', peerDocument('router', router));
    site.folder.put('web.yaml', serviceDocument('web'));
    await site.start();
    await router.knows('198.51.100.0/32');
    const { code, stdout, stderr } = await outcome(['promtool', 'check', 'metrics'], { input: await site.metrics() });
    // 3: it would have named some otherwise.
    expect(code, stderr).toBe(3);
    const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
    expect(complaints.filter((line) => !/^(metallb_|frrk8s_|waypost_nodejs_active_)/.test(line))).toEqual([]);
    expect(complaints.length).toBeGreaterThan(1);
  } finally {
    await site.stop();
    await router.stop();
  }
});
