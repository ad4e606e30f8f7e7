/** A BGP session as a capture has it: two directions, and what their OPENs agreed on. */

import { negotiate } from '../bgp/capability.ts';
import type { Context } from '../bgp/context.ts';
import type { OpenMessage } from '../bgp/message.ts';
import { Flow, type FlowPiece } from './flow.ts';
import { headOf, type Lines } from './lines.ts';
import { decodeInto } from './message.ts';
import { Messages } from './messages.ts';
import type { Segment } from './segment.ts';
import { isoTime } from './time.ts';
import type { Updates } from './updates.ts';

class Direction {
  readonly from: string;
  readonly to: string;
  readonly flow = new Flow();
  messages = new Messages();
  open: OpenMessage | undefined;

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }
}

export class Conversation {
  private readonly lines: Lines;
  private readonly updates: Updates;
  private readonly assumed: Context;
  private readonly directions: readonly [Direction, Direction];

  /** @param assumed for sessions whose OPENs were not captured */
  constructor(a: string, b: string, lines: Lines, updates: Updates, assumed: Context) {
    this.directions = [new Direction(a, b), new Direction(b, a)];
    this.lines = lines;
    this.updates = updates;
    this.assumed = assumed;
  }

  take(from: string, { sequence, syn, last, payload, cut }: Segment, timeMs: number): void {
    const direction = this.of(from);
    if (syn) {
      direction.messages = new Messages();
      direction.open = undefined;
    }
    this.read(direction, direction.flow.take(sequence, syn, payload, cut), timeMs);
    if (last) this.read(direction, direction.flow.end(), timeMs);
  }

  end(timeMs: number): void {
    for (const direction of this.directions) {
      this.read(direction, direction.flow.end(), timeMs);
      const left = direction.messages.end();
      if (left && 'error' in left) this.fault(direction, left.offset, left.error, timeMs);
    }
  }

  private of(from: string): Direction {
    return this.directions[0].from === from ? this.directions[0] : this.directions[1];
  }

  private read(direction: Direction, pieces: readonly FlowPiece[], timeMs: number): void {
    for (const piece of pieces) {
      if ('missing' in piece) direction.messages.interrupt(`${piece.missing} octets were not captured`);
      else direction.messages.push(piece.bytes);
      for (let next = direction.messages.next(); next !== undefined; next = direction.messages.next())
        if ('error' in next) this.fault(direction, next.offset, next.error, timeMs);
        else this.message(direction, next.message, next.offset, timeMs);
    }
  }

  private message(direction: Direction, message: Uint8Array, offset: number, timeMs: number): void {
    const { from, to } = direction;
    this.lines.begin(headOf({ time: isoTime(timeMs), from, to }));
    this.lines.tally.time(timeMs);
    const open = decodeInto(this.lines, this.updates, message, offset, this.context(direction), from);
    if (open !== undefined) direction.open = open;
  }

  private fault({ from, to }: Direction, offset: number, error: string, timeMs: number): void {
    this.lines.begin(headOf({ time: isoTime(timeMs), from, to }));
    this.lines.error(error, { offset });
  }

  /** What holds for messages in this direction: the reader is at the other end. */
  private context(sender: Direction): Context {
    const reader = this.of(sender.to);
    if (sender.open === undefined || reader.open === undefined) return this.assumed;
    const agreed = negotiate(reader.open.capabilities, sender.open.capabilities);
    return { ...this.assumed, fourOctetAs: agreed.fourOctetAs, addPathReceive: agreed.addPathReceive };
  }
}
