/** The status page in a browser: complete at once, live when a session comes up, readable on a desk and on a phone. */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  advertisementDocument,
  Folder,
  peerDocument,
  poolDocument,
  Router,
  serviceDocument,
  soon,
  spawnWaypost,
  speakerDocument,
} from '../support/daemon.ts';
import type { Daemon } from '../support/process.ts';

const profile = mkdtempSync(join(tmpdir(), 'waypost-browser-'));
/** Screenshots stay where somebody says that they want to look at them. */
const pictures = process.env.WAYPOST_SCREENSHOTS ?? join(profile, 'pictures');
const folder = new Folder();
let browser: Browser;
let router: Router;
let daemon: Daemon;
let url: string;

beforeAll(async () => {
  mkdirSync(pictures, { recursive: true });
  router = await new Router().start();
  folder.put(
    'speaker.yaml',
    speakerDocument({ routerID: '192.0.2.1', stateDir: folder.file('state'), drain: { wait: '0s' } }),
  );
  folder.put('pool.yaml', `${poolDocument('main', ['198.51.100.0/31'])}---\n${advertisementDocument('all', 'main')}`);
  for (const name of ['web', 'shop', 'mail']) folder.put(`${name}.yaml`, serviceDocument(name));
  const control = join(folder.path, 'control.sock');
  daemon = spawnWaypost(['run', '-c', folder.path, '--control', control, '--http', '127.0.0.1:0']);
  url = await soon('the address of the page', () => /http:\/\/[0-9.]+:\d+/.exec(daemon.output)?.[0]);
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
      ...['--disable-component-update', '--disable-sync', `--disk-cache-dir=${join(profile, 'cache')}`],
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  await daemon?.stop('SIGTERM');
  await router?.stop();
  folder.dispose();
  rmSync(profile, { recursive: true, force: true });
});

test('a session comes up before the eyes of who looks', async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(url);
  await page.getByText('No peer is configured for this node.').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  expect(await page.locator('#services tbody tr').first().textContent()).toContain('noIPAllocated');

  folder.put('peer.yaml', peerDocument('tor-a', router));
  const row = page.locator('#peers tbody tr', { hasText: 'tor-a' });
  await row.locator('.badge', { hasText: 'Established' }).waitFor();
  await page.locator('#topology .wide text', { hasText: 'Established' }).waitFor();
  await page.locator('#events tbody tr', { hasText: 'session up' }).waitFor();
  await page.screenshot({ path: join(pictures, 'wide.png'), fullPage: true });
  expect(statSync(join(pictures, 'wide.png')).size).toBeGreaterThan(10_000);

  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: join(pictures, 'phone.png'), fullPage: true });
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: join(pictures, 'dark.png'), fullPage: true });

  await router.stop();
  await row.locator('li', { hasText: 'session down' }).waitFor();
  expect(complaints).toEqual([]);
  // Nothing comes from anywhere else.
  expect(asked.filter((address) => !address.startsWith(url) && !address.startsWith('data:'))).toEqual([]);
  await page.close();
});

test('it is all there without a script', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  await page.goto(url);
  expect(await page.locator('#services tbody tr').count()).toBe(3);
  expect(await page.locator('#peers tbody tr').count()).toBe(1);
  expect(await page.locator('#live').textContent()).toMatch(/^As of \d{4}-\d\d-\d\d/);
  await context.close();
});
