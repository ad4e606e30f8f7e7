// The far end of every session in the benchmarks, a process of its own: it takes any number of calls on one port,
// tells peers apart by the address they called, and reports what it saw, one JSON object a line, with the time of
// CLOCK_MONOTONIC in milliseconds, which all processes of a machine share. It decodes by itself: what is measured
// must not be measured with its own parts.
//
//   node bench/sink.mjs '{"port":1790,"asn":64512,"hold":90,"expect":1000}'
//
// Events: ready, established, reached (so many different prefixes), prefix (each, while tracing), sent, closed, gap.
// Commands on stdin: trace, stop-trace, send FILE (UPDATEs, to the session established first), gaps.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const options = { hold: 90, expect: 0, host: '0.0.0.0', ...JSON.parse(process.argv[2]) };
const now = () => performance.timeOrigin + performance.now() - clockSkew;
const clockSkew = performance.timeOrigin + performance.now() - Number(process.hrtime.bigint()) / 1e6;
const tell = (event) => process.stdout.write(`${JSON.stringify({ at: now(), ...event })}\n`);

const OPEN = 1;
const UPDATE = 2;
const KEEPALIVE = 4;

function message(type, body) {
  const m = Buffer.alloc(19 + body.length, 0xff);
  m.writeUInt16BE(m.length, 16);
  m[18] = type;
  body.copy(m, 19);
  return m;
}

const keepalive = message(KEEPALIVE, Buffer.alloc(0));

/** IPv4 unicast, four-octet AS numbers, route refresh; the identifier is the address that was called. */
function open(address) {
  const body = Buffer.alloc(10 + 16);
  body[0] = 4;
  body.writeUInt16BE(options.asn > 0xffff ? 23456 : options.asn, 1);
  body.writeUInt16BE(options.hold, 3);
  body.set(address.split('.').map(Number), 5);
  body[9] = 16;
  body.set([2, 14, 1, 4, 0, 1, 0, 1, 65, 4], 10);
  body.writeUInt32BE(options.asn, 20);
  body.set([2, 0], 24);
  return message(OPEN, body);
}

let tracing = false;
const sessions = new Set();

class Session {
  constructor(socket) {
    this.socket = socket;
    this.peer = socket.localAddress;
    this.pieces = Buffer.alloc(0);
    this.up = false;
    this.prefixes = new Set();
    this.reached = false;
    this.updates = 0;
    this.heard = now();
    this.longestGap = 0;
    sessions.add(this);
    socket.on('data', (bytes) => this.receive(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      sessions.delete(this);
      if (this.up) tell({ event: 'closed', peer: this.peer });
    });
  }

  receive(bytes) {
    const t = now();
    this.longestGap = Math.max(this.longestGap, t - this.heard);
    this.heard = t;
    const all = this.pieces.length === 0 ? bytes : Buffer.concat([this.pieces, bytes]);
    let at = 0;
    while (at + 19 <= all.length) {
      const length = all.readUInt16BE(at + 16);
      if (at + length > all.length) break;
      this.message(all[at + 18], all, at + 19, at + length);
      at += length;
    }
    this.pieces = all.subarray(at);
  }

  message(type, bytes, start, end) {
    if (type === OPEN) this.socket.write(Buffer.concat([open(this.peer), keepalive]));
    else if (type === KEEPALIVE && !this.up) {
      this.up = true;
      tell({ event: 'established', peer: this.peer });
    } else if (type === UPDATE) this.update(bytes, start, end);
    else if (type === 3)
      tell({ event: 'notification', peer: this.peer, code: bytes[start], subcode: bytes[start + 1] });
  }

  update(bytes, start, end) {
    this.updates++;
    const withdrawnEnd = start + 2 + bytes.readUInt16BE(start);
    this.nlri(bytes, start + 2, withdrawnEnd, (key) => this.prefixes.delete(key));
    this.nlri(bytes, withdrawnEnd + 2 + bytes.readUInt16BE(withdrawnEnd), end, (key) => {
      this.prefixes.add(key);
      if (tracing) tell({ event: 'prefix', peer: this.peer, prefix: text(key) });
    });
    if (this.reached || options.expect === 0 || this.prefixes.size < options.expect) return;
    this.reached = true;
    tell({ event: 'reached', peer: this.peer, updates: this.updates });
  }

  /** A key is address * 64 + length: exact in a double. */
  nlri(bytes, start, end, visit) {
    for (let at = start; at < end; ) {
      const length = bytes[at++];
      const octets = (length + 7) >> 3;
      let address = 0;
      for (let i = 0; i < 4; i++) address = address * 256 + (i < octets ? bytes[at + i] : 0);
      at += octets;
      visit(address * 64 + length);
    }
  }

  send(bytes) {
    const piece = 1 << 20;
    const next = (at) => {
      if (at >= bytes.length) return tell({ event: 'sent', peer: this.peer, octets: bytes.length });
      this.socket.write(bytes.subarray(at, at + piece), () => next(at + piece));
    };
    next(0);
  }
}

const text = (key) => {
  const address = Math.floor(key / 64);
  return `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')}/${key % 64}`;
};

setInterval(
  () => {
    for (const session of sessions) if (session.up) session.socket.write(keepalive);
  },
  (options.hold * 1000) / 3,
).unref();

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, argument] = line.split(' ');
    if (verb === 'trace') tracing = true;
    else if (verb === 'stop-trace') tracing = false;
    else if (verb === 'send') {
      const first = [...sessions].find((s) => s.up);
      const bytes = readFileSync(argument);
      tell({ event: 'sending' });
      first.send(bytes);
    } else if (verb === 'gaps') {
      const longest = Math.max(...[...sessions].map((s) => s.longestGap));
      for (const s of sessions) s.longestGap = 0;
      tell({ event: 'gap', sessions: sessions.size, longestMs: longest });
    }
  })
  .on('close', () => process.exit());

createServer({ noDelay: true }, (socket) => new Session(socket)).listen(
  { host: options.host, port: options.port, backlog: 2048 },
  () => tell({ event: 'ready' }),
);
