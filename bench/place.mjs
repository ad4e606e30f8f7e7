// Where daemons and sinks run: two network namespaces joined by a veth pair where we may make some, loopback elsewhere.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SINK = fileURLToPath(new URL('sink.mjs', import.meta.url));
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** CLOCK_MONOTONIC, milliseconds: comparable over processes. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * As a service manager would have it: what a shell sets for Node is none of the daemons' (of NODE_EXTRA_CA_CERTS alone, to
 * read a system's certificates takes every Node 37 ms at its start).
 */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_')));

/** Places that are open: a run that is interrupted leaves neither daemons nor namespaces behind. */
const open = new Set();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    for (const place of open) place.close();
    process.exit(1);
  });

export class Place {
  #running = new Set();

  /** @param name tells places apart that are open at the same time */
  constructor(peers = 10, name = '') {
    this.name = name && `-${name}`;
    this.folder = mkdtempSync(join(tmpdir(), 'waypost-bench-'));
    this.isolated = this.#isolate(peers);
    this.local = this.isolated ? '10.99.0.1' : '127.0.0.1';
    this.peers = Array.from({ length: peers }, (_, i) => (this.isolated ? `10.99.0.${i + 2}` : `127.0.99.${i + 2}`));
    this.port = this.isolated ? 179 : 17900;
    open.add(this);
  }

  #isolate(peers) {
    this.near = `waypost-bench-near-${process.pid}${this.name}`;
    this.far = `waypost-bench-far-${process.pid}${this.name}`;
    try {
      ip('netns', 'add', this.near);
      ip('netns', 'add', this.far);
      ip('-n', this.near, 'link', 'add', 'd0', 'type', 'veth', 'peer', 'name', 'p0', 'netns', this.far);
      ip('-n', this.near, 'addr', 'add', '10.99.0.1/24', 'dev', 'd0');
      for (let i = 0; i < peers; i++) ip('-n', this.far, 'addr', 'add', `10.99.0.${i + 2}/24`, 'dev', 'p0');
      for (const [ns, dev] of [
        [this.near, 'lo'],
        [this.near, 'd0'],
        [this.far, 'lo'],
        [this.far, 'p0'],
      ])
        ip('-n', ns, 'link', 'set', dev, 'up');
      return true;
    } catch {
      this.#unisolate();
      return false;
    }
  }

  #unisolate() {
    for (const ns of [this.near, this.far]) {
      try {
        ip('netns', 'del', ns);
      } catch {
        // It was never made.
      }
    }
  }

  /** Starts a program next to the daemons. */
  spawn(argv, options = {}) {
    return this.#spawn(this.near, argv, options);
  }

  /** Starts a program at the other end of the wire. */
  spawnFar(argv, options = {}) {
    return this.#spawn(this.far, argv, options);
  }

  /** Starts a program where its command line says. */
  spawnPlain(argv, options) {
    return this.#start(argv, options);
  }

  #spawn(ns, argv, options) {
    return this.#start(this.isolated ? ['ip', 'netns', 'exec', ns, ...argv] : argv, options);
  }

  #start([program, ...rest], options) {
    const child = spawn(program, rest, { stdio: ['pipe', 'ignore', 'ignore'], env, ...options });
    child.on('error', () => {});
    child.stdin?.on('error', () => {});
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }

  /** Runs a command next to the daemons and returns what it prints; '' when it fails. */
  run(argv) {
    return this.#run(this.near, argv);
  }

  /** The same at the other end of the wire. */
  runFar(argv) {
    return this.#run(this.far, argv);
  }

  #run(ns, argv) {
    const [program, ...rest] = this.isolated ? ['ip', 'netns', 'exec', ns, ...argv] : argv;
    try {
      return execFileSync(program, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    } catch {
      return '';
    }
  }

  /** A sink at the other end of the wire. */
  sink(options) {
    return this.#sink(this.far, options);
  }

  /** A sink beside the daemons, over loopback. */
  sinkBeside(options) {
    return this.#sink(this.near, options);
  }

  async #sink(ns, options) {
    const argv = [process.execPath, SINK, JSON.stringify({ port: this.port, ...options })];
    const sink = new Sink(this.#spawn(ns, argv, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await sink.wait((e) => e.event === 'ready', 10_000);
    return sink;
  }

  close() {
    open.delete(this);
    for (const child of this.#running) child.kill('SIGKILL');
    if (this.isolated) this.#unisolate();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ends a process that we started, and waits for it. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([gone, sleep(3000)]);
  child.kill('SIGKILL');
  await gone;
}

export class Sink {
  events = [];
  #wake = new Set();

  constructor(child) {
    this.child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.events.push(JSON.parse(line));
      for (const wake of [...this.#wake]) wake();
    });
  }

  say(line) {
    this.child.stdin.write(`${line}\n`);
  }

  /** The first event from `from` on for which `wanted` holds. Rejects after `ms`. */
  wait(wanted, ms, from = 0) {
    return new Promise((resolve, reject) => {
      let at = from;
      const look = () => {
        for (; at < this.events.length; at++) {
          if (!wanted(this.events[at])) continue;
          finish(() => resolve(this.events[at]));
          return;
        }
      };
      const timer = setTimeout(() => finish(() => reject(new Error(`nothing within ${ms} ms`))), ms);
      const finish = (settle) => {
        clearTimeout(timer);
        this.#wake.delete(look);
        settle();
      };
      this.#wake.add(look);
      look();
    });
  }

  close() {
    return end(this.child);
  }
}
