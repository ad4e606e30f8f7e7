import { expect, it } from 'vitest';
import { inRatio } from '../../src/daemon/fib/ways.ts';

it('shares become the smallest whole numbers in the same ratio, as far as the kernel can count', () => {
  expect(inRatio([1, 1])).toEqual([1, 1]);
  expect(inRatio([2, 4])).toEqual([1, 2]);
  expect(inRatio([1, 1.5])).toEqual([2, 3]);
  expect(inRatio([10, 25, 40])).toEqual([2, 5, 8]);
  expect(inRatio([1, 1000])).toEqual([1, 256]);
  expect(inRatio([0.5, 0.25, 0.25])).toEqual([2, 1, 1]);
});
