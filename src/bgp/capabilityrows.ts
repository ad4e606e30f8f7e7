/** The values of the capabilities, a row each: capability.ts has the loop around them. */
import type { Reader, Writer } from '../lib/bytes.ts';
import type { Capability } from './capability.ts';

export type Known = Exclude<Capability['type'], 'unknown'>;
/** The capability of this type. */
export type Of<T extends Capability['type']> = Extract<Capability, { type: T }>;

export interface Row<T extends Known> {
  /** Reads the whole value. `undefined` keeps the capability as unknown, where its RFC says to ignore a bad value. */
  decode(r: Reader): Of<T> | undefined;
  encode(w: Writer, c: Of<T>): void;
}

/** A capability without a value. */
const flag = <T extends 'routeRefresh' | 'enhancedRefresh' | 'extendedMessage'>(type: T): Row<T> => ({
  decode: () => ({ type }) as Of<T>,
  encode: () => {},
});

function list<E>(r: Reader, entry: (r: Reader) => E): E[] {
  const entries: E[] = [];
  while (!r.done) entries.push(entry(r));
  return entries;
}

const FORWARDING = 0x80;

export const rows: { readonly [T in Known]: Row<T> } = {
  multiprotocol: {
    decode(r) {
      const afi = r.u16();
      r.skip(1);
      return { type: 'multiprotocol', afi, safi: r.u8() };
    },
    encode: (w, c) => w.u16(c.afi).u8(0).u8(c.safi),
  },
  routeRefresh: flag('routeRefresh'),
  enhancedRefresh: flag('enhancedRefresh'),
  extendedMessage: flag('extendedMessage'),
  fourOctetAs: {
    decode: (r) => ({ type: 'fourOctetAs', asn: r.u32() }),
    encode: (w, c) => w.u32(c.asn),
  },
  extendedNextHop: {
    decode: (r) => ({
      type: 'extendedNextHop',
      // RFC 8950 §4: the SAFI takes two octets here, unlike everywhere else.
      entries: list(r, (e) => ({ afi: e.u16(), safi: e.u16(), nextHopAfi: e.u16() })),
    }),
    encode(w, c) {
      for (const e of c.entries) w.u16(e.afi).u16(e.safi).u16(e.nextHopAfi);
    },
  },
  gracefulRestart: {
    decode(r) {
      const head = r.u16();
      return {
        type: 'gracefulRestart',
        restarting: (head & 0x8000) !== 0,
        notification: (head & 0x4000) !== 0,
        restartTimeSec: head & 0x0fff,
        families: list(r, (e) => ({ afi: e.u16(), safi: e.u8(), forwarding: (e.u8() & FORWARDING) !== 0 })),
      };
    },
    encode(w, c) {
      w.u16((c.restarting ? 0x8000 : 0) | (c.notification ? 0x4000 : 0) | (c.restartTimeSec & 0x0fff));
      for (const f of c.families)
        w.u16(f.afi)
          .u8(f.safi)
          .u8(f.forwarding ? FORWARDING : 0);
    },
  },
  longLivedGracefulRestart: {
    decode: (r) => ({
      type: 'longLivedGracefulRestart',
      families: list(r, (e) => ({
        afi: e.u16(),
        safi: e.u8(),
        forwarding: (e.u8() & FORWARDING) !== 0,
        staleTimeSec: (e.u8() << 16) | e.u16(),
      })),
    }),
    encode(w, c) {
      for (const f of c.families)
        w.u16(f.afi)
          .u8(f.safi)
          .u8(f.forwarding ? FORWARDING : 0)
          .u8(f.staleTimeSec >>> 16)
          .u16(f.staleTimeSec);
    },
  },
  addPath: {
    decode(r) {
      const entries = list(r, (e) => ({ afi: e.u16(), safi: e.u8(), mode: e.u8() }));
      // RFC 7911 §4: with any other mode the capability counts as not understood.
      if (entries.some((e) => e.mode < 1 || e.mode > 3)) return undefined;
      return {
        type: 'addPath',
        entries: entries.map(({ afi, safi, mode }) => ({
          afi,
          safi,
          send: (mode & 2) !== 0,
          receive: (mode & 1) !== 0,
        })),
      };
    },
    encode(w, c) {
      // An entry that says neither has no encoding: 0 would make the peer ignore all of them.
      for (const e of c.entries)
        if (e.send || e.receive)
          w.u16(e.afi)
            .u8(e.safi)
            .u8((e.send ? 2 : 0) | (e.receive ? 1 : 0));
    },
  },
  role: {
    decode: (r) => ({ type: 'role', role: r.u8() }),
    encode: (w, c) => w.u8(c.role),
  },
  fqdn: {
    decode(r) {
      const hostname = decodeName(r);
      const domain = decodeName(r);
      return hostname === undefined || domain === undefined ? undefined : { type: 'fqdn', hostname, domain };
    },
    encode(w, c) {
      // Both share the 255 octets of one capability, less their own lengths.
      const hostname = encodeName(c.hostname, 253);
      const domain = encodeName(c.domain, 253 - hostname.length);
      w.u8(hostname.length).put8s(hostname).u8(domain.length).put8s(domain);
    },
  },
};

/** A name of printable UTF-8, or undefined: it is shown to people, and it is the peer's. */
function decodeName(r: Reader): string | undefined {
  const bytes = r.view(r.u8());
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return /\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** `text` in UTF-8, cut at a character to fit `limit` octets. */
function encodeName(text: string, limit: number): Uint8Array {
  const out = new Uint8Array(limit);
  return out.subarray(0, new TextEncoder().encodeInto(text, out).written);
}
