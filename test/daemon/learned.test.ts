/** What is said of learned routes and the kernel: once, with a word for the reason, and again when it is over. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { kernelDefaults } from '../../src/config/kernel.ts';
import type { Configuration } from '../../src/config/model.ts';
import type { FibEvents } from '../../src/daemon/fib/events.ts';
import type { Fib } from '../../src/daemon/fib/fib.ts';
import { Learned } from '../../src/daemon/learned.ts';
import type { Speaker } from '../../src/daemon/speaker.ts';
import type { Logger } from '../../src/io/log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function bench(make: (events: FibEvents) => Fib) {
  const said: string[] = [];
  const happened: string[] = [];
  const tell = (level: string) => (fields: { reason?: string } | string, text?: string) =>
    said.push(typeof fields === 'string' ? `${level}: ${fields}` : `${level} ${fields.reason ?? ''}: ${text}`);
  const instances = { setMultipath: () => {}, setFib: () => {}, stop: () => {}, isBusy: false };
  const learned = new Learned({
    speaker: { instances, all: new Map() } as unknown as Speaker,
    log: { info: tell('info'), warn: tell('warn'), error: tell('error') } as unknown as Logger,
    stateDir: () => '/nonexistent',
    isOurs: () => true,
    complete: () => false,
    happened: (event, reason) => happened.push(`${event} (${reason})`),
    fib: (_, __, events) => make(events),
  });
  const kernel = { ...kernelDefaults, install: false };
  learned.configure({ speaker: { kernel } } as unknown as Configuration);
  await vi.advanceTimersByTimeAsync(1_000);
  return { learned, said, happened };
}

it('that its routes cannot be read, and that they can again', async () => {
  let events!: FibEvents;
  const auditor = { problem: undefined as string | undefined };
  const { learned, said, happened } = await bench((given) => {
    events = given;
    return { auditor, all: new Map(), stop: async () => {} } as unknown as Fib;
  });
  expect(learned.problem).toBeUndefined();
  auditor.problem = 'EINTR: changed while it was read';
  events.unread(auditor.problem);
  expect(learned.problem).toBe(auditor.problem);
  auditor.problem = undefined;
  events.unread(undefined);
  expect(learned.problem).toBeUndefined();
  expect(said).toEqual([
    "error kernelUnread: the kernel's routes cannot be read: none is installed, or put right, before they are",
    "info: the kernel's routes have been read",
  ]);
  expect(happened).toEqual([
    "the kernel's routes cannot be read (kernelUnread: EINTR: changed while it was read)",
    "the kernel's routes have been read ()",
  ]);
  await learned.stop();
  // Nobody is told at the end.
  events.unread('EBADF');
  expect(said).toHaveLength(2);
});

it('that others make routes in our name', async () => {
  let events!: FibEvents;
  const { said, happened } = await bench((given) => {
    events = given;
    return { auditor: {}, all: new Map(), stop: async () => {} } as unknown as Fib;
  });
  events.contested({ table: 254, protocol: 186, metric: 20 });
  expect(said).toEqual([
    expect.stringMatching(/^warn : another program makes routes with our protocol and metric.*kernel\.metric/),
  ]);
  expect(happened).toEqual([expect.stringMatching(/\(table 254, protocol 186, metric 20\)$/)]);
});

it('that there is no kernel to ask', async () => {
  const { learned, said } = await bench(() => {
    throw new Error('socket: EAFNOSUPPORT');
  });
  expect(learned.problem).toBe('socket: EAFNOSUPPORT');
  expect(said).toHaveLength(1);
  await learned.stop();
});
