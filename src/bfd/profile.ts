/**
 * What can be asked of a session, and what is refused: the fields of MetalLB's BFDProfile, with the defaults and ranges
 * that it has there.
 */

/** As asked for; what is absent has its default. */
export interface Profile {
  /** Least time between packets that we take, ms, 10..60000. */
  readonly receiveIntervalMs?: number;
  /** Least time between packets that we send, ms, 10..60000. */
  readonly transmitIntervalMs?: number;
  /** Packets in a row that are lost before the path is taken to be down, 2..255. */
  readonly detectMultiplier?: number;
  /** Least time between Echo packets, ms, 10..60000. Of no effect without `echoMode`. */
  readonly echoIntervalMs?: number;
  readonly echoMode?: boolean;
  /** The peer speaks first. */
  readonly passiveMode?: boolean;
  /** TTL or hop limit that packets of a multihop session arrive with at least, 1..254. */
  readonly minimumTtl?: number;
  /** The type of authentication (RFC 5880 §6.7). */
  readonly authentication?: string;
}

/** What a session is run with. */
export interface Settings {
  readonly requiredMinRxMs: number;
  readonly desiredMinTxMs: number;
  readonly detectMult: number;
  readonly passive: boolean;
  readonly minimumTtl: number;
}

export interface Refusal {
  readonly field: keyof Profile;
  readonly reason: string;
}

/** Longest interval, ms. */
export const MAX_INTERVAL_MS = 60_000;

const numbers = {
  receiveIntervalMs: [10, MAX_INTERVAL_MS, 300],
  transmitIntervalMs: [10, MAX_INTERVAL_MS, 300],
  detectMultiplier: [2, 255, 3],
  echoIntervalMs: [10, MAX_INTERVAL_MS, 50],
  minimumTtl: [1, 254, 254],
} as const satisfies { readonly [K in keyof Profile]?: readonly [least: number, most: number, absent: number] };

/** Every reason against a profile; none when a session can be run with it. */
export function refusals(profile: Profile): Refusal[] {
  const found: Refusal[] = [];
  for (const field of Object.keys(numbers) as (keyof typeof numbers)[]) {
    const value = profile[field];
    const [least, most] = numbers[field];
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) continue;
    found.push({ field, reason: `invalid value ${value}, must be in ${least}-${most} range` });
  }
  if (profile.echoMode)
    found.push({
      field: 'echoMode',
      reason: 'the Echo function (RFC 5880 §6.4) is not implemented; Control packets detect failures without it',
    });
  if (profile.authentication !== undefined)
    found.push({
      field: 'authentication',
      reason: `${profile.authentication}: authentication (RFC 5880 §6.7) is not implemented; single-hop sessions are guarded by their TTL`,
    });
  return found;
}

/** Throws `RangeError` where there is a reason against the profile. */
export function settingsOf(profile: Profile): Settings {
  const [refusal] = refusals(profile);
  if (refusal) throw new RangeError(`${refusal.field}: ${refusal.reason}`);
  const value = (field: keyof typeof numbers): number => profile[field] ?? numbers[field][2];
  return {
    requiredMinRxMs: value('receiveIntervalMs'),
    desiredMinTxMs: value('transmitIntervalMs'),
    detectMult: value('detectMultiplier'),
    passive: profile.passiveMode ?? false,
    minimumTtl: value('minimumTtl'),
  };
}
