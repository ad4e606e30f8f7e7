/**
 * A host that asks, on a packet socket of its own: run in a namespace as `node prober.mjs DEVICE COMMAND …`, prints
 * one JSON line.
 *
 *   inject HEX…                       sends frames as they are
 *   paced TARGET COUNT INTERVAL_US [FIRST]   one request at a time: latencies in µs; FIRST: whom to ask until the prober
 *                                     itself is compiled, the same when absent
 *   flood TARGET RATE SECONDS         so many requests a second (0: as fast as it can): how many were answered
 *   listen SECONDS                    ARP of others: frames, when the first came (ms of CLOCK_MONOTONIC), how long from
 *                                     the first to the last, and most of them within 10 ms
 *
 * TARGET is an IPv4 address (ARP) or an IPv6 address (neighbour solicitation to its group). Times are those at which
 * the frame was handed to the kernel, and at which the answer was taken from it: the same for everybody who is measured.
 */
import { readFileSync } from 'node:fs';
import { encodeArp } from '../../dist/arp/packet.js';
import { PacketSocket } from '../../dist/io/packet.js';
import { parseAddress, toU32 } from '../../dist/lib/address.js';
import { fromHex } from '../../dist/lib/bytes.js';
import { BROADCAST_MAC, parseMac } from '../../dist/lib/mac.js';
import { encodeNeighbor, groupMac, solicitedNode } from '../../dist/ndp/neighbor.js';

const [device, command, ...args] = process.argv.slice(2);
const sys = (name) => readFileSync(`/sys/class/net/${device}/${name}`, 'utf8').trim();
const index = Number(sys('ifindex'));
const own = parseMac(sys('address'));

/** Lets through answers alone: ARP replies, neighbour advertisements. */
const answers = (protocol) =>
  protocol === 'arp'
    ? [
        { code: 0x28, jt: 0, jf: 0, k: 20 },
        { code: 0x15, jt: 0, jf: 1, k: 2 },
        { code: 0x06, jt: 0, jf: 0, k: 0xffff },
        { code: 0x06, jt: 0, jf: 0, k: 0 },
      ]
    : [
        { code: 0x30, jt: 0, jf: 0, k: 54 },
        { code: 0x15, jt: 0, jf: 1, k: 136 },
        { code: 0x06, jt: 0, jf: 0, k: 0xffff },
        { code: 0x06, jt: 0, jf: 0, k: 0 },
      ];

function question(target) {
  const ip = parseAddress(target);
  if (ip.family === 4)
    return encodeArp({
      ...{ destination: BROADCAST_MAC, source: own, operation: 1, senderMac: own },
      ...{ senderIp: toU32(parseAddress('10.99.0.2').bytes), targetMac: 0, targetIp: toU32(ip.bytes) },
    });
  const to = solicitedNode(ip);
  return encodeNeighbor({
    ...{ destination: groupMac(to), source: own, from: parseAddress('2001:db8:99::2'), to },
    message: { type: 'solicitation', target: ip, sourceLinkLayer: own },
  });
}

const open = (target) =>
  target?.includes(':')
    ? PacketSocket.open(index, 0x86dd, answers('ndp'))
    : PacketSocket.open(index, 0x0806, answers('arp'));

const buffer = new Uint8Array(2048);
const drain = (socket) => {
  let n = 0;
  while (socket.receive(buffer) > 0) n++;
  return n;
};
/** Spins: a prober that sleeps measures its own waking. */
const until = (ms) => {
  while (performance.now() < ms);
};

const run = {
  inject(...frames) {
    const socket = open();
    return { sent: frames.filter((hex) => socket.send(fromHex(hex))).length };
  },

  paced(target, count, intervalUs, first = target) {
    const socket = open(target);
    const latencies = [];
    const measure = (frame, n, us) => {
      const start = performance.now();
      for (let i = 0; i < n; i++) {
        until(start + (i * us) / 1000);
        drain(socket);
        const sent = performance.now();
        if (!socket.send(frame)) continue;
        while (performance.now() < sent + 500) {
          if (socket.receive(buffer) <= 0) continue;
          latencies.push((performance.now() - sent) * 1000);
          break;
        }
      }
    };
    measure(question(first), 200, 1000);
    latencies.length = 0;
    measure(question(target), Number(count), Number(intervalUs));
    latencies.sort((a, b) => a - b);
    const at = (share) => Math.round((latencies[Math.floor(latencies.length * share)] ?? 0) * 10) / 10;
    return {
      sent: Number(count),
      answered: latencies.length,
      p50Us: at(0.5),
      p90Us: at(0.9),
      p99Us: at(0.99),
      maxUs: at(0.99999),
    };
  },

  listen(seconds) {
    const socket = PacketSocket.open(index, 0x0806, [{ code: 0x06, jt: 0, jf: 0, k: 0xffff }]);
    console.error('listening');
    const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
    const end = nowMs() + Number(seconds) * 1000;
    const per10Ms = new Map();
    let [frames, firstMs, lastMs] = [0, 0, 0];
    for (let now = nowMs(); now < end; now = nowMs()) {
      const n = drain(socket);
      if (n === 0) continue;
      if (frames === 0) firstMs = now;
      frames += n;
      lastMs = now;
      const slot = Math.floor(now / 10);
      per10Ms.set(slot, (per10Ms.get(slot) ?? 0) + n);
    }
    return { frames, firstMs, spanMs: lastMs - firstMs, peakPer10Ms: Math.max(0, ...per10Ms.values()) };
  },

  flood(target, rate, seconds) {
    const socket = open(target);
    const frame = question(target);
    const start = performance.now();
    const end = start + Number(seconds) * 1000;
    let sent = 0;
    let answered = 0;
    for (let now = start; now < end; now = performance.now()) {
      const due = Number(rate) > 0 ? ((now - start) * Number(rate)) / 1000 : sent + 32;
      for (let k = 0; sent < due && k < 32 && socket.send(frame); k++) sent++;
      answered += drain(socket);
    }
    const last = performance.now() + 1000;
    while (performance.now() < last) answered += drain(socket);
    const s = Number(seconds);
    return {
      ...{ offered: Number(rate), sentPerSec: Math.round(sent / s), answeredPerSec: Math.round(answered / s) },
      ...{ sent, answered, lossPercent: Math.round((10_000 * (sent - answered)) / Math.max(1, sent)) / 100 },
    };
  },
};

console.log(JSON.stringify(run[command](...args)));
