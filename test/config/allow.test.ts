import { describe, expect, it } from 'vitest';
import { parsePattern, ServiceCommunities } from '../../src/config/allow.ts';
import { type Community, parseCommunity } from '../../src/config/community.ts';

const community = (text: string): Community => {
  const parsed = parseCommunity(text);
  if (typeof parsed === 'string') throw new SyntaxError(text);
  return parsed;
};

describe('patterns', () => {
  it.each([
    ['65000:1', { type: 'standard', parts: [65000, 1] }],
    ['65000:*', { type: 'standard', parts: [65000, undefined] }],
    ['*:1', { type: 'standard', parts: [undefined, 1] }],
    ['large:*:2:*', { type: 'large', parts: [undefined, 2, undefined] }],
    ['65536:*', 'value'],
    ['6500*:1', 'value'],
    ['large:1:2:x', 'value'],
    ['*', 'format'],
    ['large:*', 'value'],
    ['large:1:*', 'format'],
    ['big:*:*:*', 'format'],
    ['blackhole', 'format'],
    ['', 'format'],
  ])('%s', (text, expected) => {
    expect(parsePattern(text)).toEqual(expected);
  });
});

describe('a community that a Service asks for', () => {
  const aliases = new Map([
    ['home', community('65000:7')],
    ['away', community('65001:7')],
    ['65009:9', community('65000:9')],
  ]);
  const allowed = new ServiceCommunities(['65000:*', 'large:65000:*:7', 'away', 'nobody'], aliases);

  it.each([
    ['65000:0', '65000:0'],
    ['65000:65535', '65000:65535'],
    ['65002:1', 'notAllowed'],
    ['large:65000:4294967295:7', 'large:65000:4294967295:7'],
    ['large:65000:1:8', 'notAllowed'],
    ['home', '65000:7'],
    ['away', '65001:7'],
    ['65001:7', '65001:7'],
    ['65001:8', 'notAllowed'],
    // A name counts before what it looks like.
    ['65009:9', '65000:9'],
    ['nobody', 'format'],
    ['65000:65536', 'value'],
  ])('%s: %s', (text, expected) => {
    const wanted = ['notAllowed', 'format', 'value'].includes(expected)
      ? { refused: expected }
      : { community: community(expected) };
    expect(allowed.judge(text)).toEqual(wanted);
    expect(allowed.judge(text)).toEqual(wanted);
  });

  it('is refused where nothing is allowed', () => {
    expect(new ServiceCommunities([], aliases).judge('home')).toEqual({ refused: 'notAllowed' });
  });
});
