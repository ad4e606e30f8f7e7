/** Carries out what leads from how the network is to a target, stage by stage, and reads it again after each. */
import { nextStage } from '../../vrf/plan.ts';
import type { Snapshot } from '../../vrf/state.ts';
import { describeStep, type Step } from '../../vrf/step.ts';
import type { Target } from '../../vrf/target.ts';
import { type Kernel, type Scope, StepError } from './kernel.ts';

/** More than the longest way has, fewer than one that leads nowhere. */
const MAX_STAGES = 40;
/** How often one step is taken on the way: what was done may be undone by another step, but not again and again. */
const MAX_TIMES = 3;

/**
 * @param targetOf where to go from what is there
 * @param optional steps that may fail without the rest
 * @returns what could not be done of that. Throws `StepError` for what had to be done, `NetlinkError` when nothing can
 *   be read
 */
export function reach(
  kernel: Kernel,
  scope: Scope,
  targetOf: (have: Snapshot) => Target,
  optional: (step: Step) => boolean,
): string[] {
  const skipped = new Set<string>();
  const taken = new Map<string, number>();
  const problems: string[] = [];
  let last: Step | undefined;
  for (let stages = 0; stages < MAX_STAGES; stages++) {
    const have = kernel.read(scope);
    const stage = nextStage(targetOf(have), have, (step) => skipped.has(describeStep(step)));
    if (stage === undefined) return problems;
    for (const step of stage.steps) {
      last = step;
      const text = describeStep(step);
      const times = taken.get(text) ?? 0;
      taken.set(text, times + 1);
      try {
        if (times === MAX_TIMES) throw new StepError(step, 'has no effect');
        kernel.take(step);
      } catch (error) {
        if (!(error instanceof StepError) || !optional(step)) throw error;
        skipped.add(text);
        problems.push(error.message);
      }
    }
  }
  throw new StepError(last!, 'has no effect');
}

/** Whether there is nothing to do. */
export const isReached = (target: Target, have: Snapshot): boolean =>
  nextStage(target, have, () => false) === undefined;
