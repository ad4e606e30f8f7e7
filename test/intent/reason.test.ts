import { expect, test } from 'vitest';
import { reasons } from '../../src/intent/reason.ts';

test('every word is explained in whole sentences', () => {
  expect(Object.keys(reasons).length).toBeGreaterThan(30);
  for (const [word, { says, remedy }] of Object.entries(reasons)) {
    expect(word).toMatch(/^[a-z][A-Za-z]+$/);
    expect(says, word).toMatch(/^[A-Z].*\.$/);
    expect(remedy, word).toMatch(/^[A-Z].*\.$/);
  }
});

test("the words of MetalLB's speaker are spelt as there", () => {
  expect(Object.keys(reasons)).toEqual(
    expect.arrayContaining([
      ...['serviceDeleted', 'notLoadBalancer', 'noIPAllocated', 'invalidIP', 'ipNotAllowed', 'loadBalancerIPChanged'],
      ...['notOwner', 'noMatchingAdvertisement', 'conflictingAdvertisements', 'nodeNetworkUnavailable'],
      ...['nodeLabeledExcludeBalancers', 'noLocalEndpoints', 'noEndpoints'],
    ]),
  );
});
