/**
 * What makes the first answers as quick as later ones. Code that has hardly run is interpreted, and takes many times as
 * long as when it is compiled; an address that is asked for once a minute would be answered like that for hours. So a
 * loop of its own answers made-up requests on a link that is nowhere but in this process: from the wait to the answer that
 * the kernel takes, all that runs is what runs for a real one, on objects of the same kind.
 */
import { encodeArp, Operation } from '../../arp/packet.ts';
import { PacketSocket } from '../../io/packet.ts';
import type { Poller } from '../../io/poller.ts';
import { DEFAULT_SCHEDULE } from '../../l2/schedule.ts';
import type { Protocol } from '../../l2/sender.ts';
import { address, toU32 } from '../../lib/address.ts';
import { BROADCAST_MAC, type Mac } from '../../lib/mac.ts';
import { encodeNeighbor, groupMac, solicitedNode } from '../../ndp/neighbor.ts';
import { FastLoop, networkOf } from './loop.ts';
import { packSnapshot } from './protocol.ts';

/** Addresses for documentation (RFC 5737, RFC 3849), and locally administered hardware addresses. */
const ADDRESS4 = address('192.0.2.1');
const ASKER4 = address('192.0.2.2');
const ADDRESS6 = address('2001:db8::1');
const ASKER6 = address('2001:db8::2');
const MAC: Mac = 0x0200_0000_0001;
const ASKER_MAC: Mac = 0x0200_0000_0002;
/** No interface has it. */
const INDEX = 0;

/** Measured: the last of it is compiled after about 10,000 of either. In slices, so that nobody waits for long. */
const SLICES = 300;
const SLICE_ROUNDS = 40;
/** The compiler works in a thread of its own, and needs its time. */
const SLICE_GAP_MS = 10;
/** What has to be said first is said first. */
const FIRST_MS = 100;

/** Somebody at the other end of the link. */
interface Asker {
  readonly socket: PacketSocket;
  readonly question: Uint8Array;
}

export class Rehearsal {
  /** When `tick` has something to do; undefined once it is over. */
  dueMs: number | undefined;
  /** Answers that have come. */
  answers = 0;
  private readonly nowMs: () => number;
  private readonly turn: () => void;
  private readonly loop: FastLoop;
  private readonly askers: Asker[] = [];
  private readonly buffer = new Uint8Array(256);
  private left = SLICES;

  /**
   * @param poller that of the thread
   * @param turn a turn of the thread's loop that waits for nothing: what is ready is served in it
   */
  constructor(poller: Pick<Poller, 'watch' | 'unwatch'>, nowMs: () => number, turn: () => void) {
    this.nowMs = nowMs;
    this.turn = turn;
    this.dueMs = nowMs() + FIRST_MS;
    const open = (_: number, protocol: Protocol): PacketSocket => {
      const [here, there] = PacketSocket.pair();
      this.askers.push({ socket: there, question: protocol === 'arp' ? request : solicitation });
      return here;
    };
    const groups = { join() {}, leave() {}, close() {} };
    this.loop = new FastLoop(networkOf(poller, nowMs, open, groups), () => {});
    this.loop.take({
      type: 'snapshot',
      snapshot: packSnapshot({
        number: 1,
        ports: [{ index: INDEX, name: '', mac: MAC, running: true, arp: true, ndp: true }],
        macs: [],
        addresses: [ADDRESS4, ADDRESS6].map((ip) => ({ ip, interfaces: 'all', epoch: 0 })),
        rules: { schedule: DEFAULT_SCHEDULE, conflict: 'defend', stickiness: false, reception: 'normal' },
        renewals: 0,
      }),
    });
  }

  tick(nowMs: number): void {
    if (this.dueMs === undefined || nowMs < this.dueMs) return;
    this.left--;
    // A turn of the loop is part of each round, and is to begin no other slice.
    this.dueMs = undefined;
    this.loop.tick();
    this.listen();
    for (let n = 0; n < SLICE_ROUNDS; n++) {
      for (const { socket, question } of this.askers) socket.send(question);
      this.turn();
      this.answers += this.listen();
    }
    // However long that took.
    if (this.left > 0) this.dueMs = this.nowMs() + SLICE_GAP_MS;
    else this.close();
  }

  /** Takes what has come for the askers. */
  private listen(): number {
    let frames = 0;
    for (const { socket } of this.askers) while (socket.receive(this.buffer) > 0) frames++;
    return frames;
  }

  /** Ends it, wherever it is. */
  close(): void {
    this.dueMs = undefined;
    this.loop.close();
    for (const { socket } of this.askers.splice(0)) socket.close();
  }
}

const request = encodeArp({
  ...{ destination: BROADCAST_MAC, source: ASKER_MAC, operation: Operation.request, senderMac: ASKER_MAC },
  ...{ senderIp: toU32(ASKER4.bytes), targetMac: 0, targetIp: toU32(ADDRESS4.bytes) },
});

const group = solicitedNode(ADDRESS6);
const solicitation = encodeNeighbor({
  ...{ destination: groupMac(group), source: ASKER_MAC, from: ASKER6, to: group },
  message: { type: 'solicitation', target: ADDRESS6, sourceLinkLayer: ASKER_MAC },
});
