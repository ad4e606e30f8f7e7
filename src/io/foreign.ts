/**
 * Requests that a browser makes for a page of another site. Nothing here can be changed over HTTP; but what runs on this node
 * is nobody else's to read either.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** Why it is refused; undefined: it is not. */
export function foreignRequest({ headers, socket }: IncomingMessage): string | undefined {
  // Browsers say so of their own accord. To follow a link from elsewhere is fine: the other page sees nothing of it.
  const site = headers['sec-fetch-site'];
  if ((site === 'cross-site' || site === 'same-site') && headers['sec-fetch-mode'] !== 'navigate')
    return 'asked for by a page of another site';
  if (headers.host === undefined || !isLoopback(socket.localAddress ?? '')) return undefined;
  // A name of somebody else's that leads here (DNS rebinding) makes its page one of the same site.
  const host = nameOf(headers.host);
  if (isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || isOwn(host)) return undefined;
  return `asked for as ${host}: over loopback only addresses and localhost are answered; a proxy is to send one of them as Host`;
}

const isLoopback = (address: string): boolean => /^(::1|(::ffff:)?127\..*)$/.test(address);

/** Without the port, and the brackets of an IPv6 address. */
const nameOf = (host: string): string =>
  host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();

function isOwn(host: string): boolean {
  const own = hostname().toLowerCase();
  return host === own || host === own.split('.')[0];
}
