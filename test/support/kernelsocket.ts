/** The sockets of netlink before a kernel that is none: what is said waits until it is read, may be late, and may be lost. */
import type { Transport } from '../../src/netlink/client.ts';

export type Datagram = Uint8Array | 'overrun';
/** Made when somebody reads it: undefined when there is nothing to be said any more. */
export type Late = () => Datagram | undefined;

export interface KernelSide {
  /** When batches are carried out, answers come and events are told. */
  later: (run: () => void) => void;
  /** Of the batches to come: how many get no answer that is heard, and how many cannot be sent. */
  losing: number;
  deaf: number;
  /** Carries out requests of a port, and answers them. */
  handle(port: number, bytes: Uint8Array): (Datagram | Late)[];
}

export class FakeSocket implements Transport {
  readonly portId: number;
  private readonly kernel: KernelSide;
  private readonly waiting: (Datagram | Late)[] = [];

  constructor(kernel: KernelSide, portId: number) {
    this.kernel = kernel;
    this.portId = portId;
  }

  send(bytes: Uint8Array): void {
    this.waiting.push(...this.kernel.handle(this.portId, bytes.slice()));
  }

  sendAside(bytes: Uint8Array, sent: (ok: boolean) => void): void {
    const { kernel } = this;
    const copy = bytes.slice();
    kernel.later(() => {
      const heard = kernel.deaf === 0;
      const lost = heard && kernel.losing > 0;
      if (!heard) kernel.deaf--;
      if (lost) kernel.losing--;
      if (heard) this.answer(copy, lost);
      kernel.later(() => sent(heard));
    });
  }

  receive(): Datagram | undefined {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      const datagram = typeof next === 'function' ? next() : next;
      if (datagram !== undefined) return datagram;
    }
    return undefined;
  }

  close(): void {}

  private answer(bytes: Uint8Array, lost: boolean): void {
    const answers = this.kernel.handle(this.portId, bytes);
    if (lost) this.waiting.push('overrun');
    else this.waiting.push(...answers);
  }
}

export class FakeEvents {
  readonly except: number;
  private readonly kernel: KernelSide;
  private readonly readable: () => void;
  private readonly closed: () => void;
  private readonly waiting: Datagram[] = [];
  private due = false;
  private isOpen = true;

  constructor(kernel: KernelSide, except: number, readable: () => void, closed: () => void) {
    this.kernel = kernel;
    this.except = except;
    this.readable = readable;
    this.closed = closed;
  }

  push(bytes: Datagram): void {
    this.waiting.push(bytes);
    this.wake();
  }

  overrun(): void {
    this.waiting.length = 0;
    this.push('overrun');
  }

  receive(): Datagram | undefined {
    return this.waiting.shift();
  }

  close(): void {
    this.isOpen = false;
    this.closed();
  }

  /** Somebody reads as long as there is something. */
  private wake(): void {
    if (this.due) return;
    this.due = true;
    this.kernel.later(() => {
      this.due = false;
      if (!this.isOpen) return;
      this.readable();
      if (this.waiting.length > 0) this.wake();
    });
  }
}
