/** An explanation as lines of text. */
import type { Chain, Explanation, Source, Step } from '../intent/explain/chain.ts';
import { paint } from './paint.ts';

export function* explanationText({ answer, chains }: Explanation): Generator<string> {
  yield paint('bold', answer);
  for (const chain of chains) yield* chainText(chain);
}

function* chainText({ title, ok, verdict, says, remedy, steps }: Chain): Generator<string> {
  yield '';
  yield `${paint('bold', title)}: ${paint(ok ? 'green' : 'red', verdict)}`;
  for (const step of steps) yield* stepText(step);
  if (says !== null) yield `  ${paint('bold', 'why')}    ${says}`;
  if (remedy !== null) yield `  ${paint('bold', 'remedy')} ${remedy}`;
}

const marks = { yes: paint('green', 'ok'), no: paint('red', 'no'), note: '  ' } as const;

function* stepText({ question, answer, detail, reason, sources }: Step): Generator<string> {
  yield `  ${marks[answer]}  ${question} ${detail}${reason === null ? '' : ` [${reason}]`}`;
  const shown = sources.slice(0, SHOWN);
  for (const source of shown) yield paint('dim', `        ${sourceText(source)}`);
  if (sources.length > SHOWN) yield paint('dim', `        and ${sources.length - SHOWN} more`);
}

/** Documents named beside a step. */
const SHOWN = 5;

const sourceText = ({ kind, namespace, name, file, line }: Source): string =>
  `${file}:${line}: ${kind}/${namespace === '' ? '' : `${namespace}/`}${name}`;
