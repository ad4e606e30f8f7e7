/** The Dockerfile's steps, for tests that carry them out without an engine. */
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Step {
  readonly word: string;
  readonly rest: string;
}

/** Instructions by stage, in their order. */
function stages(text: string): Step[][] {
  const joined = text.replace(/^#.*\n/gm, '').replace(/\\\n/g, ' ');
  const steps = [...joined.matchAll(/^([A-Z]+)\s+(.*)$/gm)].map(([, word, rest]) => ({ word: word!, rest: rest! }));
  const found: Step[][] = [];
  for (const step of steps) {
    if (step.word === 'FROM') found.push([]);
    // Before the first FROM there are arguments alone.
    found.at(-1)?.push(step);
  }
  return found;
}

export const [build, final] = stages(readFileSync('Dockerfile', 'utf8')) as [Step[], Step[]];

/** Source and target, where COPY brings something from the build stage. */
export function stagedCopy(rest: string): readonly [string, string] | undefined {
  const [, source, target] = /^--from=build (\S+) (\S+)$/.exec(rest) ?? [];
  return source === undefined ? undefined : [source, target!];
}

/** What COPY brings from this checkout to a folder. */
export function copy(rest: string, to: string): void {
  const words = rest.split(/\s+/);
  const target = words.pop()!;
  for (const source of words) {
    const whole = target.endsWith('/') ? join(to, target, source.split('/').at(-1)!) : join(to, target);
    mkdirSync(dirname(whole), { recursive: true });
    cpSync(source, whole, { recursive: true });
  }
}
