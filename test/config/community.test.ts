import { expect, it } from 'vitest';
import { parseCommunity } from '../../src/config/community.ts';

it.each([
  ['0:0', 0],
  ['65535:65281', 0xffff_ff01],
  ['65535:65535', 0xffff_ffff],
  ['64512:100', 64512 * 65536 + 100],
  ['007:1', 7 * 65536 + 1],
])('%s', (text, value) => {
  expect(parseCommunity(text)).toEqual({ type: 'standard', value });
});

it('large:4294967295:0:1', () => {
  expect(parseCommunity('large:4294967295:0:1')).toEqual({ type: 'large', value: [4294967295, 0, 1] });
});

it.each(['65536:1', '1:65536', '-1:1', '0x1:1', 'a:b', ':', '1:', 'large:1:2:4294967296', 'large:1:2:x', '1.0:1'])(
  '%s has a bad number',
  (text) => {
    expect(parseCommunity(text)).toBe('value');
  },
);

it.each(['', 'no-export', '1', '1:2:3', 'large:1:2', '1:2:3:4', 'Large:1:2:3', 'large:1:2:3:4'])(
  '%j is no community',
  (text) => {
    expect(parseCommunity(text)).toBe('format');
  },
);
