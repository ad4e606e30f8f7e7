/** A picture of the node, its VRFs and its routers; everything in it is in the tables too. */
import { type Html, html } from './html.ts';
import { number, stateTone, type Tone } from './parts.ts';
import type { PageView, PeerShown } from './view.ts';

/** Routers in the picture, and VRFs. */
const MAX_ROUTERS = 24;
const MAX_VRFS = 12;

interface Box {
  readonly title: string;
  readonly lines: readonly string[];
  readonly tone?: Tone;
  /** In words what the colour says. */
  readonly state?: string;
  readonly children: readonly Box[];
}

interface Placed extends Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly children: readonly Placed[];
}

export function topology(view: PageView): Html {
  if (view.peers.total === 0 && view.vrfs.total === 0) return html``;
  const root = tree(view);
  const label = `${view.node ?? 'This node'}: ${view.peers.up} of ${view.peers.total} sessions established`;
  return html`<h2>Topology</h2><div class="picture wide">${draw(...wide(root), label, true)}</div><div class="picture narrow">${draw(...narrow(root), label, false)}</div>`;
}

function tree(view: PageView): Box {
  const { peers, vrfs, services } = view;
  const names = new Set(peers.rows.map((p) => p.vrf));
  for (const { name } of vrfs.rows) names.add(name);
  let left = MAX_ROUTERS;
  const boxes = [...names]
    .sort()
    .slice(0, MAX_VRFS)
    .map((name): Box => {
      const row = vrfs.rows.find((v) => v.name === name);
      const own = peers.rows.filter((p) => p.vrf === name).sort((a, b) => (a.name < b.name ? -1 : 1));
      const routers = own.slice(0, left);
      left -= routers.length;
      const links = row?.interfaces.slice(0, 3).join(', ') ?? '';
      const missing = row?.exists === false;
      return {
        title: name === '' ? 'Default VRF' : `VRF ${name}`,
        lines: [
          row?.table ? `table ${row.table}${links && ` · ${links}`}` : `${own.length} ${plural('peer', own.length)}`,
        ],
        ...(missing && { tone: 'bad' as const, state: 'missing' }),
        children: [
          ...routers.map(router),
          ...(own.length > routers.length
            ? [{ title: `and ${number(own.length - routers.length)} more`, lines: ['see the table'], children: [] }]
            : []),
        ],
      };
    });
  const { counts } = services;
  const of = (protocol: string) =>
    counts.find((c) => c.protocol === protocol && c.reason === 'announced')?.services ?? 0;
  const answers = of('layer2');
  const layer2: Box[] =
    view.conflicts === null
      ? []
      : [
          {
            title: 'Layer 2',
            lines: [`answers for ${number(answers)} ${plural('Service', answers)}`],
            ...(view.conflicts.total > 0 && { tone: 'warn' as const, state: plural('conflict', view.conflicts.total) }),
            children: [],
          },
        ];
  return {
    title: view.node ?? 'no configuration yet',
    lines: [`${number(of('bgp'))} of ${number(services.total)} ${plural('Service', services.total)} by BGP`],
    ...(view.drain !== 'none' && { tone: 'warn' as const, state: view.drain === 'lowered' ? 'draining' : 'drained' }),
    children: [...boxes, ...layer2],
  };
}

const plural = (word: string, n: number): string => (n === 1 ? word : `${word}s`);

const router = (peer: PeerShown): Box => ({
  title: peer.name,
  lines: [
    `AS ${peer.peerAsn} · ${peer.address || 'no address yet'}${peer.interface && ` · ${peer.interface}`}${peer.bfd === null ? '' : ` · BFD ${peer.bfd}`}`,
  ],
  tone: stateTone(peer.state),
  state: peer.state,
  children: [],
});

const HEIGHT = 52;
const GAP = 12;

/** Three columns, parents beside the middle of their children. */
function wide(root: Box): [Placed, number, number] {
  const columns = [
    { x: 1, width: 270 },
    { x: 361, width: 270 },
    { x: 721, width: 398 },
  ];
  let bottom = 1;
  const place = (box: Box, depth: number): Placed => {
    const children = box.children.map((child) => place(child, depth + 1));
    let y = bottom;
    if (children.length > 0) y = (children[0]!.y + children.at(-1)!.y) / 2;
    else bottom += HEIGHT + GAP;
    return { ...box, ...columns[depth]!, y, height: HEIGHT, children };
  };
  const placed = place(root, 0);
  return [placed, 1120, bottom - GAP + 1];
}

/** One below the other, children indented. */
function narrow(root: Box): [Placed, number, number] {
  let bottom = 1;
  const place = (box: Box, depth: number): Placed => {
    const y = bottom;
    bottom += HEIGHT + GAP;
    const x = 1 + depth * 18;
    return { ...box, x, y, width: 359 - x, height: HEIGHT, children: box.children.map((c) => place(c, depth + 1)) };
  };
  const placed = place(root, 0);
  return [placed, 360, bottom - GAP + 1];
}

function draw(root: Placed, width: number, height: number, label: string, sideways: boolean): Html {
  const [lines, boxes]: [Html[], Html[]] = [[], []];
  const visit = (box: Placed) => {
    boxes.push(drawBox(box));
    for (const child of box.children) {
      lines.push(html`<path class="${toneOf(child)}" d="${sideways ? across(box, child) : down(box, child)}"/>`);
      visit(child);
    }
  };
  visit(root);
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}"><title>${label}</title>${lines}${boxes}</svg>`;
}

/** A line is as good as what is behind it. */
function toneOf({ tone, children }: Placed): Tone {
  if (tone !== undefined) return tone;
  const tones = children.map(toneOf);
  return (['ok', 'warn', 'bad'] as const).find((t) => tones.includes(t)) ?? 'idle';
}

function across(from: Placed, to: Placed): string {
  const [x, y, toX, toY] = [from.x + from.width, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const middle = (x + toX) / 2;
  return `M${x} ${y}C${middle} ${y} ${middle} ${toY} ${toX} ${toY}`;
}

const down = (from: Placed, to: Placed): string => `M${from.x + 9} ${from.y + HEIGHT}V${to.y + HEIGHT / 2}H${to.x}`;

function drawBox({ x, y, width, height, title, lines, tone, state }: Placed): Html {
  const room = width - 24;
  const stateRoom = state === undefined ? 0 : state.length * 7.4 + 24;
  const dot =
    state === undefined ? null : html`<circle class="${tone ?? 'idle'}" cx="${x + width - 16}" cy="${y + 18}" r="5"/>`;
  const word =
    state === undefined
      ? null
      : html`<text class="state ${tone ?? 'idle'}" x="${x + width - 28}" y="${y + 22}" text-anchor="end">${state}</text>`;
  return html`<g><title>${[title, ...lines, state].filter(Boolean).join(', ')}</title><rect class="box ${tone ?? ''}" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/><text class="name" x="${x + 12}" y="${y + 22}">${cut(title, (room - stateRoom) / 7.8)}</text>${lines.map((line, i) => html`<text class="line" x="${x + 12}" y="${y + 40 + i * 16}">${cut(line, room / 6.3)}</text>`)}${dot}${word}</g>`;
}

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, Math.max(1, Math.floor(length) - 1))}…`;
