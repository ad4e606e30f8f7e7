/** What the tests of layer 2 share: snapshots, and an announcer on a wire that is a list. */
import { type ArpPacket, arpProbe, decodeArp, encodeArp } from '../../src/arp/packet.ts';
import { Announcer } from '../../src/l2/announcer.ts';
import type { Port } from '../../src/l2/link.ts';
import { DEFAULT_SCHEDULE } from '../../src/l2/schedule.ts';
import type { Protocol } from '../../src/l2/sender.ts';
import type { ConflictReport, Layer2Rules, Snapshot } from '../../src/l2/snapshot.ts';
import { address, formatAddress, fromU32, toU32 } from '../../src/lib/address.ts';
import { BROADCAST_MAC } from '../../src/lib/mac.ts';
import { decodeNeighbor, encodeNeighbor, groupMac, type NeighborFrame, solicitedNode } from '../../src/ndp/neighbor.ts';

export const eth0: Port = { index: 2, name: 'eth0', mac: 0x02005e100020, running: true, arp: true, ndp: true };
export const eth1: Port = { index: 3, name: 'eth1', mac: 0x02005e100030, running: true, arp: true, ndp: true };
export const rules: Layer2Rules = {
  schedule: DEFAULT_SCHEDULE,
  conflict: 'defend',
  stickiness: false,
  reception: 'normal',
};
export const host = 0x02005e100002;
export const hostIp = '192.0.2.9';
export const vip = '192.0.2.200';
export const vip6 = '2001:db8::c8';

let number = 0;

/** A snapshot of addresses, each announced everywhere or on the interfaces named behind an `@`: `192.0.2.1@eth0,eth1`. */
export function snapshot(
  ports: readonly Port[],
  addresses: readonly string[],
  changes: Partial<Snapshot> = {},
): Snapshot {
  return {
    ...{ number: ++number, ports, macs: [], rules, renewals: 0 },
    addresses: addresses.map((text) => {
      const [ip, interfaces] = text.split('@');
      return { ip: address(ip!), interfaces: interfaces?.split(',') ?? ('all' as const), epoch: 0 };
    }),
    ...changes,
  };
}

const ip4 = (text: string): number => toU32(address(text).bytes);

/** A host's request for an address; from 0.0.0.0 it is a probe. */
export const request = (target: string, change: Partial<ArpPacket> = {}): Uint8Array =>
  encodeArp({
    ...{ destination: BROADCAST_MAC, source: host, operation: 1 },
    ...{ senderMac: host, senderIp: ip4(hostIp), targetMac: 0, targetIp: ip4(target) },
    ...change,
  });

/** A host's announcement that it has an address. */
export const claim = (ip: string, mac: number = host): Uint8Array =>
  encodeArp({ ...arpProbe(mac, ip4(ip)), senderIp: ip4(ip) });

/** A host's solicitation of an address. */
export const solicitation = (target: string, change: Partial<NeighborFrame> = {}): Uint8Array => {
  const to = solicitedNode(address(target));
  return encodeNeighbor({
    ...{ destination: groupMac(to), source: host, from: address('fe80::9'), to },
    message: { type: 'solicitation', target: address(target), sourceLinkLayer: host },
    ...change,
  });
};

/** A frame in words: who says what about which address to whom. */
export function words(protocol: Protocol, frame: Uint8Array): string {
  const to = (mac: number) =>
    mac === BROADCAST_MAC || mac === 0x333300000001 ? 'all' : mac === host ? 'host' : 'group';
  if (protocol === 'arp') {
    const p = decodeArp(frame);
    if (typeof p === 'string') return p;
    const ip = formatAddress({ family: 4, bytes: fromU32(p.targetIp) });
    const sender = formatAddress({ family: 4, bytes: fromU32(p.senderIp) });
    if (p.senderIp === 0) return `probe ${ip}`;
    if (sender === ip) return `gratuitous ${p.operation === 1 ? 'request' : 'reply'} ${ip}`;
    return p.operation === 2 ? `reply ${sender} to ${to(p.destination)}` : `request ${ip}`;
  }
  const f = decodeNeighbor(frame);
  if (typeof f === 'string') return f;
  const ip = formatAddress(f.message.target);
  if (f.message.type === 'solicitation') return `probe ${ip}`;
  return f.message.solicited ? `advertisement ${ip} to ${to(f.destination)}` : `unsolicited ${ip}`;
}

/** An announcer whose frames and reports are kept as lines, and whose clock is a number. */
export class Wire {
  readonly lines: string[] = [];
  readonly reports: ConflictReport[] = [];
  nowMs = 0;
  /** The interface takes nothing. */
  full = false;
  readonly announcer = new Announcer({
    send: (index, protocol, frame) => {
      if (this.full) return false;
      this.lines.push(`${index === eth0.index ? 'eth0' : 'eth1'} ${words(protocol, frame)}`);
      return true;
    },
    report: (event) => this.reports.push(event),
  });

  apply(s: Snapshot): string[] {
    this.announcer.apply(s, this.nowMs);
    return this.run(this.nowMs);
  }

  /** Lets time pass as a loop would that wakes when told to; gives what was sent meanwhile. */
  run(untilMs: number): string[] {
    for (;;) {
      this.announcer.tick(this.nowMs);
      const due = this.announcer.nextDueMs();
      if (due === undefined || due > untilMs) break;
      if (due <= this.nowMs) throw new Error('due at once, again and again');
      this.nowMs = due;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    return this.take();
  }

  receive(port: Port, frame: Uint8Array): string[] {
    this.announcer.receive(port.index, frame[12] === 0x08 ? 'arp' : 'ndp', frame, this.nowMs);
    return this.take();
  }

  take(): string[] {
    return this.lines.splice(0);
  }

  /** Frames that were not answered, by interface and reason; those of interfaces with news alone. */
  drops(): Record<string, Readonly<Record<string, number>>> {
    return Object.fromEntries(this.announcer.takeDrops().map((row) => [row.interface, row.drops]));
  }

  stages(): string[] {
    return this.reports.splice(0).map((report) => `${report.interface} ${report.ip} ${report.stage}`);
  }
}
