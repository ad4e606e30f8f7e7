/** What the service manager wants to hear of a service of `Type=notify` (sd_notify(3)). */
import { sysClose, sysSendto, sysSocket } from './native.ts';
import { AF_UNIX, unixAddress } from './unix.ts';

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

export class Notifier {
  /** How often `WATCHDOG=1` is wanted at least, ms; undefined: not at all. */
  readonly watchdogMs: number | undefined;
  private readonly address: Uint8Array | undefined;
  private fd: number | undefined;

  /** @param environment of the process: NOTIFY_SOCKET, and WATCHDOG_USEC with the WATCHDOG_PID that it is for */
  constructor(environment: Readonly<Record<string, string | undefined>> = process.env) {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = environment;
    this.address = NOTIFY_SOCKET ? unixAddress(NOTIFY_SOCKET) : undefined;
    const forUs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
    const ms = Number(WATCHDOG_USEC) / 1000;
    this.watchdogMs = this.address !== undefined && forUs && ms > 0 ? ms : undefined;
  }

  /** Somebody listens. */
  get wanted(): boolean {
    return this.address !== undefined;
  }

  /**
   * Sends assignments: `READY=1`, `STATUS=…`. Of no effect where nobody listens. Throws `SystemError`, or `Error` where there
   * are no native calls.
   */
  tell(...assignments: readonly string[]): void {
    if (this.address === undefined) return;
    this.fd ??= sysSocket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sysSendto(this.fd, new TextEncoder().encode(assignments.join('\n')), this.address);
  }

  close(): void {
    if (this.fd !== undefined) sysClose(this.fd);
    this.fd = undefined;
  }
}
