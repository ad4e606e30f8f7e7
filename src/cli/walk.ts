/** `waypost explain CLIENT to SERVICE`: the way of packets as lines of text. */
import type { Walk, Way } from '../daemon/walk.ts';
import { ask } from './client.ts';
import { paint } from './paint.ts';

type Leg = Way['request'];

export const walkRunning = async (control: string, client: string, service: string, mark: number): Promise<Walk> =>
  (await ask(control, 'GET', `/walk?${new URLSearchParams({ client, service, mark: String(mark) })}`)) as Walk;

export function* walkText({ client, service, address, symmetric, ways, notes }: Walk): Generator<string> {
  const verdict = symmetric
    ? paint('green', 'symmetric')
    : paint('red', ways.length === 0 ? 'no way' : 'not symmetric');
  yield `${paint('bold', `${client} to ${service} (${address})`)}: ${verdict}`;
  for (const note of notes) yield `  ${note}`;
  for (const way of ways) yield* wayText(way);
}

function* wayText({ entry, serves, request, reply, sourceAs, symmetric, turn }: Way): Generator<string> {
  const vrf = entry.vrf === null ? '' : ` (VRF ${entry.vrf})`;
  yield '';
  yield `${paint('bold', `by ${entry.interface}${vrf}, as ${entry.by} says, to ${serves}`)}: ${symmetric ? paint('green', 'symmetric') : paint('red', 'not symmetric')}`;
  yield* legText('request', request);
  yield* legText('reply', reply);
  if (sourceAs !== null) yield `  source   what ${serves} opens itself leaves as ${sourceAs}`;
  if (turn === null) return;
  yield `  ${paint('bold', 'turns')}    ${turn.where}: ${turn.text}`;
  yield `  ${paint('bold', 'remedy')}   ${turn.remedy}`;
}

function* legText(name: string, leg: Leg): Generator<string> {
  const came = leg.input === null ? 'made here' : `in by ${leg.input}`;
  const inside = leg.inputVrf === null ? '' : ` (VRF ${leg.inputVrf})`;
  yield `  ${name.padEnd(8)} ${leg.from} to ${leg.to}, ${came}${inside}`;
  for (const rule of leg.passed) yield paint('dim', `             ${rule.priority}: ${rule.text}: nothing`);
  if (leg.decided !== null) yield `             ${leg.decided.priority}: ${leg.decided.text}`;
  yield `             ${leg.error === null ? `out by ${exitText(leg)}` : `nowhere: ${leg.error}`}`;
}

function exitText({ local, output, outputVrf, gateway, table }: Leg): string {
  if (local) return 'the node itself';
  const via = gateway === null ? '' : ` via ${gateway}`;
  return `${output}${via}${outputVrf === null ? '' : ` (VRF ${outputVrf})`}, table ${table}`;
}
