/** The daemon as a service: what its manager hears from start to end. */
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Daemon } from '../../src/daemon/daemon.ts';
import { ServiceReport } from '../../src/daemon/service.ts';
import { Notifier } from '../../src/io/notify.ts';
import { all, Folder, Router, smallest, spawnWaypost, steadySpeaker } from '../support/daemon.ts';
import { Manager } from '../support/manager.ts';
import type { Daemon as Process } from '../support/process.ts';

let folder: Folder;
let manager: Manager;
let router: Router;
beforeEach(async () => {
  folder = new Folder();
  manager = new Manager();
  router = await new Router().start();
  folder.put('main.yaml', all(steadySpeaker(folder.file('state')), smallest(router)));
});
afterEach(async () => {
  await router.stop();
  manager.close();
  folder.dispose();
});

test('ready, its state in a line, the watchdog fed, around a reload, and the end', async () => {
  const process: Process = spawnWaypost(
    ['run', '-c', folder.file('main.yaml'), '--control', folder.file('control.sock'), '--http', 'off'],
    { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '200000' },
  );
  try {
    await manager.until(/^READY=1$/);
    await manager.until(/^STATUS=1 of 1 sessions up, 1 of 1 services announced$/);
    await manager.until(/^WATCHDOG=1$/);
    let from = manager.read().length;
    process.signal('SIGHUP');
    await manager.until(/^RELOADING=1$/, from);
    await manager.until(/^MONOTONIC_USEC=\d+$/, from);
    await manager.until(/^READY=1$/, from);
    folder.put('main.yaml', 'kind: Nonsense\n');
    from = manager.read().length;
    await manager.until(/^STATUS=.*the configuration was refused: the last good one is in force$/, from);
    process.signal('SIGTERM');
    await manager.until(/^STOPPING=1$/, from);
    const [last] = manager.read().at(-1)!;
    expect(last).toBe('STOPPING=1');
  } finally {
    await process.stop();
  }
});

test('an end that comes before it is ready is not followed by READY=1', async () => {
  const log = pino({ level: 'silent' });
  const paths = [folder.file('main.yaml')];
  const daemon = new Daemon({ paths, node: undefined, control: undefined, http: undefined, log });
  await daemon.start();
  const report = new ServiceReport(daemon, new Notifier({ NOTIFY_SOCKET: manager.path }), log);
  report.start();
  report.stopping();
  await daemon.stop();
  report.close();
  expect(
    manager
      .read()
      .flat()
      .filter((text) => /^(READY|STOPPING)=/.test(text)),
  ).toEqual(['STOPPING=1']);
});

test('a thread that does not turn starves the watchdog; one that does, or none, feeds it', async () => {
  const log = pino({ level: 'silent' });
  const daemon = new Daemon({
    paths: [folder.file('main.yaml')],
    node: undefined,
    control: undefined,
    http: undefined,
    log,
  });
  await daemon.start();
  const thread = {};
  let turns = 1;
  const notifier = new Notifier({ NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '40000' });
  const report = new ServiceReport(daemon, notifier, log, () => new Map([[thread, turns]]));
  const fed = () => manager.read().filter(([text]) => text === 'WATCHDOG=1').length;
  try {
    report.start();
    await manager.until(/^READY=1$/);
    const stuckAt = fed();
    // More than two rounds, so that the one under way when the thread stopped is over.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(fed() - stuckAt).toBeLessThanOrEqual(1);
    const turning = setInterval(() => turns++, 5);
    const before = fed();
    await expect.poll(fed, { timeout: 60_000 }).toBeGreaterThan(before + 2);
    clearInterval(turning);
  } finally {
    report.stopping();
    report.close();
    await daemon.stop('', { drain: false });
  }
});

test('reloads: none is told of before it is ready or after it stops, and of several at once only the last end', async () => {
  const log = pino({ level: 'silent' });
  const daemon = new Daemon({
    paths: [folder.file('main.yaml')],
    node: undefined,
    control: undefined,
    http: undefined,
    log,
  });
  const report = new ServiceReport(daemon, new Notifier({ NOTIFY_SOCKET: manager.path }), log);
  const heard = () => manager.read().map(([text]) => text);
  try {
    await report.reload(() => daemon.documents.reload());
    expect(heard()).toEqual([]);
    await daemon.start();
    report.start();
    await manager.until(/^READY=1$/);
    const before = heard().length;
    const ends: (() => void)[] = [];
    const reloads = [1, 2].map(() => report.reload(() => new Promise<void>((resolve) => ends.push(resolve))));
    ends[0]!();
    await reloads[0];
    expect(heard().slice(before)).toEqual(['RELOADING=1', 'RELOADING=1']);
    ends[1]!();
    await reloads[1];
    expect(heard().slice(before)).toEqual(['RELOADING=1', 'RELOADING=1', 'READY=1']);
    report.stopping();
    await report.reload(() => daemon.documents.reload());
    expect(heard().at(-1)).toBe('STOPPING=1');
  } finally {
    report.close();
    await daemon.stop('', { drain: false });
  }
});

test('a drain may take longer than the manager would wait, which is told of it', async () => {
  folder.put(
    'main.yaml',
    all(steadySpeaker(folder.file('state'), { drain: { onShutdown: true, wait: '300s' } }), smallest(router)),
  );
  const log = pino({ level: 'silent' });
  const options = { paths: [folder.file('main.yaml')], node: undefined, control: undefined, http: undefined, log };
  const daemon = new Daemon(options);
  const report = new ServiceReport(daemon, new Notifier({ NOTIFY_SOCKET: manager.path }), log);
  try {
    await daemon.start();
    report.start();
    await manager.until(/^READY=1$/);
    report.stopping();
    expect(manager.read().at(-1)).toContain('EXTEND_TIMEOUT_USEC=330000000');
  } finally {
    report.close();
    await daemon.stop('', { drain: false });
  }
});
