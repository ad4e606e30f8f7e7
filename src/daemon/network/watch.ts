/** Says when something changed in the network that somebody else did. */
import { EventSocket } from '../../io/netlink.ts';
import { Group } from '../../netlink/const.ts';
import { Monitor } from '../../netlink/monitor.ts';

/** How long changes gather, ms. */
const GATHER_MS = 200;
/** Routes of others are too many to be told of each: from time to time ours are looked at, ms. */
const LOOK_MS = 30_000;

export class Watch {
  private readonly socket: EventSocket;
  private readonly monitor: Monitor;
  private readonly timer: NodeJS.Timeout;
  private gathering: NodeJS.Timeout | undefined;

  /**
   * Throws `SystemError`.
   * @param own port of the socket whose changes do not count
   */
  constructor(own: number, changed: () => void) {
    const { link, address4, address6, rule4, rule6 } = Group;
    this.socket = new EventSocket({
      groups: [link, address4, address6, rule4, rule6],
      readable: () => this.read(own, changed),
    });
    this.monitor = new Monitor(this.socket);
    this.timer = setInterval(changed, LOOK_MS);
  }

  close(): void {
    clearInterval(this.timer);
    clearTimeout(this.gathering);
    this.socket.close();
  }

  private read(own: number, changed: () => void): void {
    let others = false;
    for (let events = this.monitor.read(); events !== undefined; events = this.monitor.read())
      for (const event of events) if (!('portId' in event) || event.portId !== own) others = true;
    if (!others) return;
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      changed();
    }, GATHER_MS);
  }
}
