import { describe, expect, it } from 'vitest';
import { type Profile, refusals, settingsOf } from '../../src/bfd/profile.ts';

describe('a profile', () => {
  it('has defaults', () => {
    expect(settingsOf({})).toEqual({
      ...{ requiredMinRxMs: 300, desiredMinTxMs: 300, detectMult: 3, passive: false, minimumTtl: 254 },
    });
  });

  it('is taken as it is', () => {
    const profile: Profile = {
      ...{ receiveIntervalMs: 10, transmitIntervalMs: 60_000, detectMultiplier: 255, minimumTtl: 1 },
      ...{ passiveMode: true, echoMode: false, echoIntervalMs: 60_000 },
    };
    expect(refusals(profile)).toEqual([]);
    expect(settingsOf(profile)).toEqual({
      ...{ requiredMinRxMs: 10, desiredMinTxMs: 60_000, detectMult: 255, passive: true, minimumTtl: 1 },
    });
  });

  it.each([
    ['receiveIntervalMs', 10, 60_000],
    ['transmitIntervalMs', 10, 60_000],
    ['echoIntervalMs', 10, 60_000],
    ['detectMultiplier', 2, 255],
    ['minimumTtl', 1, 254],
  ] as const)('%s is a whole number from %i to %i', (field, least, most) => {
    for (const value of [least, most]) expect(refusals({ [field]: value })).toEqual([]);
    for (const value of [least - 1, most + 1, least + 0.5, Number.NaN])
      expect(refusals({ [field]: value })).toEqual([
        { field, reason: `invalid value ${value}, must be in ${least}-${most} range` },
      ]);
    expect(() => settingsOf({ [field]: least - 1 })).toThrow(`${field}: invalid value`);
  });

  it('is refused with every reason there is: what is not done is not promised', () => {
    const refused = refusals({ detectMultiplier: 1, echoMode: true, authentication: 'keyedSha1' });
    expect(refused.map(({ field }) => field)).toEqual(['detectMultiplier', 'echoMode', 'authentication']);
    expect(refused[1]!.reason).toContain('not implemented');
    expect(refused[2]!.reason).toMatch(/^keyedSha1: .*not implemented/);
    expect(() => settingsOf({ echoMode: true })).toThrow('echoMode: the Echo function');
  });
});
