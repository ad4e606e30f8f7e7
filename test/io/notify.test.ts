import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Notifier } from '../../src/io/notify.ts';
import { Manager } from '../support/manager.ts';

let manager: Manager;
beforeEach(() => {
  manager = new Manager();
});
afterEach(() => manager.close());

test('each call is a datagram of assignments', () => {
  const notifier = new Notifier({ NOTIFY_SOCKET: manager.path });
  notifier.tell('READY=1', 'STATUS=two sessions');
  notifier.tell('WATCHDOG=1');
  expect(manager.read()).toEqual([['READY=1', 'STATUS=two sessions'], ['WATCHDOG=1']]);
  notifier.close();
});

test('a name that is not in the file system', () => {
  const abstract = new Manager(true);
  const notifier = new Notifier({ NOTIFY_SOCKET: abstract.path, WATCHDOG_USEC: '1000' });
  expect([notifier.wanted, notifier.watchdogMs]).toEqual([true, 1]);
  notifier.tell('READY=1');
  expect(abstract.read()).toEqual([['READY=1']]);
  notifier.close();
  abstract.close();
});

test('nobody listens: nothing is done', () => {
  for (const environment of [
    {},
    { NOTIFY_SOCKET: '' },
    { NOTIFY_SOCKET: 'relative' },
    { NOTIFY_SOCKET: `/${'x'.repeat(200)}` },
  ]) {
    const notifier = new Notifier(environment);
    expect([notifier.wanted, notifier.watchdogMs]).toEqual([false, undefined]);
    notifier.tell('READY=1');
    notifier.close();
  }
});

test('a manager that has gone is an error with its reason', () => {
  const notifier = new Notifier({ NOTIFY_SOCKET: `${manager.path}-not` });
  expect(() => notifier.tell('READY=1')).toThrow('sendto: ENOENT');
  notifier.close();
});

describe('the watchdog', () => {
  const watched = (more: Record<string, string>) => new Notifier({ NOTIFY_SOCKET: manager.path, ...more }).watchdogMs;
  test.each([
    [{ WATCHDOG_USEC: '30000000' }, 30_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) }, 30_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }, undefined],
    [{ WATCHDOG_USEC: '0' }, undefined],
    [{ WATCHDOG_USEC: 'soon' }, undefined],
    [{}, undefined],
  ])('%o: %s ms', (environment, ms) => {
    expect(watched(environment as Record<string, string>)).toBe(ms);
  });
});
