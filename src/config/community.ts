/** BGP communities as documents write them: `A:B` (RFC 1997) and `large:G:L1:L2` (RFC 8092), decimal only. */

export type Community =
  | { readonly type: 'standard'; readonly value: number }
  | { readonly type: 'large'; readonly value: readonly [number, number, number] };

/** `format`: not shaped like a community at all, so perhaps an alias. `value`: shaped like one, with a bad number. */
export type CommunityError = 'format' | 'value';

/** Parses one community. MetalLB's internal/bgp/community draws the same line between the two errors. */
export function parseCommunity(text: string): Community | CommunityError {
  const parts = text.split(':');
  if (parts.length === 2) {
    const [high, low] = parts.map((part) => decimal(part, 0xffff));
    return high === undefined || low === undefined ? 'value' : { type: 'standard', value: high * 0x1_0000 + low };
  }
  if (parts.length === 4 && parts[0] === 'large') {
    const [global, local1, local2] = parts.slice(1).map((part) => decimal(part, 0xffff_ffff));
    if (global === undefined || local1 === undefined || local2 === undefined) return 'value';
    return { type: 'large', value: [global, local1, local2] };
  }
  return 'format';
}

function decimal(text: string, max: number): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value <= max ? value : undefined;
}

/** Names that routers give to communities which every one of them knows (RFC 1997, RFC 7999, RFC 8326). */
const known: ReadonlyMap<string, string> = new Map([
  ['no-export', '65535:65281'],
  ['no-advertise', '65535:65282'],
  ['no-export-subconfed', '65535:65283'],
  ['local-as', '65535:65283'],
  ['blackhole', '65535:666'],
  ['graceful-shutdown', '65535:0'],
]);

/** What to write instead of such a name. */
export function wellKnownHint(text: string): string | undefined {
  const value = known.get(text.toLowerCase().replaceAll('_', '-'));
  return value && `write ${JSON.stringify(value)}`;
}
