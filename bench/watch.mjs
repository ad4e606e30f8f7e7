// Sees routes come into the kernel's main table, and go, without being in their way: counting them all takes the kernel 25 ms
// of a hundred thousand, and changes wait meanwhile. It looks for one after the other, again and again, and says when the
// last was found. Started in the namespace; a line of JSON on standard input is a job, a line on standard output its end.
import { createInterface } from 'node:readline';
import { RequestSocket } from '../dist/io/netlink.js';
import { prefix } from '../dist/lib/prefix.js';
import { Client } from '../dist/netlink/client.js';
import { NetlinkError } from '../dist/netlink/errors.js';
import { nowMs, sleep } from './place.mjs';

const POLL_MS = 2;
const client = new Client(new RequestSocket());

/** What an address matches is this prefix, or inside of it. */
function isThere({ bytes, family, length }) {
  try {
    const destination = { family, bytes, length: bytes.length * 8 };
    return client.get('route', { destination, packet: { routeItself: true } }).destination.length >= length;
  } catch (error) {
    if (error instanceof NetlinkError) return false;
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { prefixes, there } = JSON.parse(line);
  for (const each of prefixes.map(prefix)) while (isThere(each) !== there) await sleep(POLL_MS);
  process.stdout.write(`${JSON.stringify({ event: 'seen', at: nowMs() })}\n`);
}
