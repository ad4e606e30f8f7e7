/** Pieces that the sections of the page are made of: badges, times, tables that stay tables on a phone. */
import { type Content, Html, html } from './html.ts';

/** How something fares; shown by a shape and a word as well as by colour. */
export type Tone = 'ok' | 'warn' | 'bad' | 'idle';

const shapes: Readonly<Record<Tone, string>> = { ok: '●', warn: '▲', bad: '✕', idle: '○' };

export const badge = (tone: Tone, text: string): Html =>
  html`<span class="badge ${tone}"><span aria-hidden="true">${shapes[tone]}</span> ${text}</span>`;

export const stateTone = (state: string): Tone =>
  state === 'Established' || state === 'Up' ? 'ok' : state === 'Idle' || state === 'Down' ? 'bad' : 'warn';

/** A moment; with script, how long ago. */
export const when = (iso: string | null): Html | null =>
  iso === null ? null : html`<time datetime="${iso}">${clock(iso)}</time>`;

/** `11-26 13:50:02 UTC`. */
const clock = (iso: string): string => `${iso.slice(5, 10)} ${iso.slice(11, 19)} UTC`;

/** Nothing to say. */
export const dash = html`<span class="quiet">–</span>`;

export const number = (n: number): string => n.toLocaleString('en-US').replaceAll(',', '\u202f');

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Content;
  readonly numeric?: boolean;
}

/**
 * A table with its caption. The first column heads its row. Roles are spelled out, since a phone's layout takes them away.
 */
export function table<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[]): Html {
  const head = columns.map(
    ({ title, numeric }) => html`<th scope="col" role="columnheader"${kind(numeric)}>${title}</th>`,
  );
  const body = rows.map((row) => {
    const cells = columns.map(({ title, cell, numeric }, i) => {
      const content = cell(row);
      if (i === 0) return html`<th scope="row" role="rowheader">${content}</th>`;
      const classes = content === dash ? new Html(' class="void"') : kind(numeric);
      return html`<td role="cell" data-title="${title}"${classes}><div>${content}</div></td>`;
    });
    return html`<tr role="row">${cells}</tr>\n`;
  });
  return html`<table role="table"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">${body}</tbody></table>`;
}

const kind = (numeric: boolean | undefined): Html => new Html(numeric ? ' class="n"' : '');

/** A caption that says how much of the whole is there. */
export const caption = (what: string, shown: number, total: number, first = ''): string =>
  shown < total ? `${what}: ${number(shown)} of ${number(total)} rows${first && `, ${first} first`}` : what;

/** Kept on one line, where it is no longer than an address can be. */
export const whole = (text: string): Content => (text.length > 39 ? text : html`<span class="whole">${text}</span>`);

/** A few of many, in one cell. */
export function few(items: readonly string[], most = 4): Content {
  if (items.length === 0) return dash;
  const rest = items.length - most;
  return [
    items.slice(0, most).map((item, i) => html`${i === 0 ? '' : html`<br>`}${whole(item)}`),
    rest > 0 ? html`<br><span class="quiet">and ${number(rest)} more</span>` : null,
  ];
}
