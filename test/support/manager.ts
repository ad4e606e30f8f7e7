/** What a service manager hears: a socket of datagrams in the file system, read by the C library as Node has none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sysBind, sysClose, sysRecvfrom, sysSocket } from '../../src/io/native.ts';
import { waitFor } from './process.ts';

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000;

export class Manager {
  private readonly folder = mkdtempSync(join(tmpdir(), 'waypost-test-'));
  /** As NOTIFY_SOCKET has it. */
  readonly path: string;
  private readonly fd = sysSocket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0);
  /** Each datagram as its assignments. */
  readonly heard: string[][] = [];

  /** @param abstract its name is not in the file system, as in containers */
  constructor(abstract = false) {
    this.path = abstract ? `@${this.folder}` : join(this.folder, 'notify');
    const name = new TextEncoder().encode(abstract ? `\0${this.folder}` : this.path);
    const address = new Uint8Array(2 + name.length + (abstract ? 0 : 1));
    address[0] = AF_UNIX;
    address.set(name, 2);
    sysBind(this.fd, address);
  }

  read(): readonly string[][] {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const length = sysRecvfrom(this.fd, buffer, new Uint8Array(128));
      if (length === undefined) return this.heard;
      this.heard.push(new TextDecoder().decode(buffer.subarray(0, length)).split('\n'));
    }
  }

  /** Waits until an assignment that matches has come since the last `from` datagrams. */
  until(what: RegExp, from = 0): Promise<string> {
    return waitFor(`${what} is told`, () =>
      this.read()
        .slice(from)
        .flat()
        .find((text) => what.test(text)),
    );
  }

  close(): void {
    sysClose(this.fd);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
