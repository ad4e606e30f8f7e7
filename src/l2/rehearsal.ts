/**
 * What makes the first answers as quick as later ones. Code that has hardly run is interpreted, and takes many times as
 * long as when it is compiled; an address that is asked for once a minute would be answered like that for hours. So an
 * announcer of its own answers made-up requests on an interface that nobody has: the code is the same down to whoever
 * looks for the interface's socket, and the engine takes it for busy.
 */
import { encodeArp, Operation } from '../arp/packet.ts';
import { address, toU32 } from '../lib/address.ts';
import { BROADCAST_MAC, type Mac } from '../lib/mac.ts';
import { encodeNeighbor, groupMac, solicitedNode } from '../ndp/neighbor.ts';
import { Announcer, type Output } from './announcer.ts';
import { DEFAULT_SCHEDULE } from './schedule.ts';

/** Addresses for documentation (RFC 5737, RFC 3849), and locally administered hardware addresses. */
const ADDRESS4 = address('192.0.2.1');
const ASKER4 = address('192.0.2.2');
const ADDRESS6 = address('2001:db8::1');
const ASKER6 = address('2001:db8::2');
const MAC: Mac = 0x0200_0000_0001;
const ASKER_MAC: Mac = 0x0200_0000_0002;
/** No interface has it. */
const INDEX = 0;
const BUFFER_OCTETS = 256;

/** Measured: the last of it is compiled after about 10,000 of either. In slices, so that nobody waits for long. */
const SLICES = 300;
const SLICE_ROUNDS = 40;
/** The compiler works in a thread of its own, and needs its time. */
const SLICE_GAP_MS = 10;
/** What has to be said first is said first. */
const FIRST_MS = 100;

export class Rehearsal {
  /** When `tick` has something to do; undefined once it is over. */
  dueMs: number | undefined;
  private readonly turn: () => number;
  private left = SLICES;
  private readonly announcer: Announcer;
  /** Views into something larger, as real ones are. */
  private readonly arp = request(new Uint8Array(BUFFER_OCTETS));
  private readonly ndp = [solicitation(new Uint8Array(BUFFER_OCTETS)), solicitation(new Uint8Array(BUFFER_OCTETS))];

  /**
   * @param output that of the announcer this is done for: another one would not be what the code is compiled for
   * @param turn what else is done for a frame, by whoever has the sockets; gives the time after it, ms
   */
  constructor(nowMs: number, output: Output, turn: () => number) {
    this.dueMs = nowMs + FIRST_MS;
    this.turn = turn;
    this.announcer = new Announcer(output);
    this.announcer.apply(
      {
        number: 1,
        ports: [{ index: INDEX, name: '', mac: MAC, running: true, arp: true, ndp: true }],
        macs: [],
        addresses: [ADDRESS4, ADDRESS6].map((ip) => ({ ip, interfaces: 'all', epoch: 0 })),
        rules: { schedule: DEFAULT_SCHEDULE, conflict: 'defend', stickiness: false, reception: 'normal' },
      },
      0,
    );
  }

  tick(nowMs: number): void {
    if (this.dueMs === undefined || nowMs < this.dueMs) return;
    this.left--;
    // A turn of the loop is part of each round, and is to begin no other slice.
    this.dueMs = undefined;
    this.announcer.tick(nowMs);
    let endMs = nowMs;
    for (let n = 0; n < SLICE_ROUNDS; n++) {
      endMs = this.turn();
      this.announcer.receive(INDEX, 'arp', this.arp, nowMs);
      this.announcer.receive(INDEX, 'ndp', this.ndp[this.left % 2]!, nowMs);
    }
    // However long that took.
    if (this.left > 0) this.dueMs = endMs + SLICE_GAP_MS;
  }
}

const request = (buffer: Uint8Array): Uint8Array =>
  encodeArp(
    {
      ...{ destination: BROADCAST_MAC, source: ASKER_MAC, operation: Operation.request, senderMac: ASKER_MAC },
      ...{ senderIp: toU32(ASKER4.bytes), targetMac: 0, targetIp: toU32(ADDRESS4.bytes) },
    },
    buffer,
  );

function solicitation(buffer: Uint8Array): Uint8Array {
  const to = solicitedNode(ADDRESS6);
  return encodeNeighbor(
    {
      ...{ destination: groupMac(to), source: ASKER_MAC, from: ASKER6, to },
      message: { type: 'solicitation', target: ADDRESS6, sourceLinkLayer: ASKER_MAC },
    },
    buffer,
  );
}
