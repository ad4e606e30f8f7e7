// Writes what the manual says of commands and documents from the program itself: docs/reference/*.md and man/waypost.1.
// `npm run docs` after a change; test/docs/reference.test.ts fails while they differ. Needs a build.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commands } from '../dist/cli/commands.js';
import { kindDocs } from '../dist/config/registry.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const generated = '<!-- Made by `npm run docs` from the program: change that. -->\n';

/** The commands as commander knows them, in the order of the help. */
async function tree() {
  const all = [];
  for (const [name, entry] of Object.entries(commands)) all.push((await entry.load()).command().name(name));
  return all;
}

const usageOf = (command) =>
  [
    'waypost',
    command.name(),
    ...(command.options.length > 0 ? ['[options]'] : []),
    ...command.registeredArguments.map(argumentText),
  ].join(' ');
const argumentText = (argument) => {
  const name = argument.name() + (argument.variadic ? '...' : '');
  return argument.required ? `<${name}>` : `[${name}]`;
};
/** What follows the options in --help: examples. */
function afterText(command) {
  let text = '';
  command.configureOutput({ writeOut: (piece) => (text += piece) });
  command.outputHelp();
  const from = text.indexOf('-h, --help');
  return from < 0 ? '' : text.slice(text.indexOf('\n', from) + 1).trim();
}
const visible = (command) => command.options.filter((option) => !option.hidden);
const optionText = (option) => {
  const parts = [option.description];
  if (option.argChoices) parts.push(`(${option.argChoices.join(', ')})`);
  const value = option.defaultValueDescription ?? option.defaultValue;
  if (value !== undefined && typeof value !== 'object') parts.push(`(default: ${value})`);
  return parts.join(' ');
};
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export async function commandsPage() {
  const parts = [
    generated,
    '# Commands\n',
    'Every command has `--help`. Exit status: 0 done, 1 failed, 2 wrong usage. `--json` prints one JSON value unless it says\notherwise.\n',
  ];
  for (const command of await tree()) {
    parts.push(`## waypost ${command.name()}\n`, `\`${usageOf(command)}\`\n`, `${command.description()}\n`);
    const rows = [
      ...command.registeredArguments.map((a) => [argumentText(a), a.description]),
      ...visible(command).map((o) => [o.flags, optionText(o)]),
    ];
    if (rows.length > 0)
      parts.push(
        ['| | |', '|---|---|', ...rows.map(([flag, text]) => `| \`${cell(flag)}\` | ${cell(text)} |`)].join('\n') +
          '\n',
      );
    const after = afterText(command);
    if (after !== '') parts.push(`\`\`\`\n${after}\n\`\`\`\n`);
  }
  return parts.join('\n');
}

/** The fields of a label selector, which stand in the page once. */
const SELECTOR = /\.(matchLabels|matchExpressions(\[\](\.(key|operator|values))?)?)$/;

const table = (head, rows) =>
  `${[
    `| ${head.join(' | ')} |`,
    head
      .map(() => '|---')
      .join('')
      .concat('|'),
    ...rows,
  ].join('\n')}\n`;

function fieldsTable(fields) {
  const selectors = new Set(
    fields.filter(({ path }) => SELECTOR.test(path)).map(({ path }) => path.replace(SELECTOR, '')),
  );
  const rows = fields
    .filter(({ path }) => !SELECTOR.test(path))
    .map(({ path, description, required }) => {
      const text =
        selectors.has(path) || selectors.has(`${path}[]`)
          ? `${description} [Selector](#label-selectors).`
          : description;
      return `| \`${cell(path)}\`${required ? ' *' : ''} | ${cell(text)} |`;
    });
  return table(['field', 'what'], rows);
}

const annotationsTable = (annotations) =>
  table(
    ['annotation of ours', 'value', 'what'],
    annotations.map((a) => `| \`waypost.dev/${a.name}\` | ${cell(a.expects)} | ${cell(a.summary)} |`),
  );

/** Generations of a kind that have the same fields are one section, and annotations of a kind stand once. */
export function documentsPage() {
  const sections = [];
  for (const { kind, apiVersion, summary, fields, annotations } of kindDocs()) {
    const body = fields.length > 0 ? fieldsTable(fields) : '';
    const notes = annotations.length > 0 ? annotationsTable(annotations) : '';
    const same = sections.find((s) => s.kind === kind && s.body === body && s.notes === notes);
    if (same) same.versions.push(apiVersion);
    else sections.push({ kind, versions: [apiVersion], summary, body, notes });
  }
  const text = (s) => `${s.kind} (${s.versions.map((version) => `\`${version}\``).join(', ')})`;
  const anchor = (s) =>
    text(s)
      .toLowerCase()
      .replace(/[^a-z0-9 _-]/g, '')
      .replaceAll(' ', '-');
  const parts = [
    generated,
    '# Documents\n',
    'A field that must be there has a *; `[]` marks a list. A field that is not listed here draws a warning with the nearest\nname. `waypost check` names file, line and field of whatever is wrong.\n',
    `${sections.map((s) => `- [${text(s)}](#${anchor(s)})`).join('\n')}\n`,
    '## Label selectors\n',
    table(
      ['field', 'what'],
      kindDocs()
        .flatMap(({ fields }) => fields)
        .filter(({ path }) => SELECTOR.test(path))
        .slice(0, 5)
        .map(({ path, description }) => `| \`${SELECTOR.exec(path)[1]}\` | ${cell(description)} |`),
    ),
  ];
  for (const s of sections) {
    parts.push(`## ${text(s)}\n`, `${s.summary}\n`);
    if (s.body) parts.push(s.body);
    const first = sections.find((other) => other.kind === s.kind && other.notes === s.notes);
    if (s.notes)
      parts.push(first === s ? s.notes : `Annotations of ours: as of [${text(first)}](#${anchor(first)}).\n`);
  }
  return parts.join('\n');
}

const roff = (text) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

export async function manPage() {
  const out = [
    '.\\" Made by `npm run docs` from the program: change that.',
    `.TH WAYPOST 1 "" "waypost ${version}" "User Commands"`,
    '.SH NAME',
    'waypost \\- BGP and layer\\-2 speaker driven by Kubernetes\\-shaped documents',
    '.SH SYNOPSIS',
    '.B waypost',
    '.I command',
    '[options]',
    '.SH DESCRIPTION',
    roff(
      'One daemon on a node speaks BGP and BFD, answers ARP and neighbour discovery for service addresses, and installs the routes that it learns. It reads the YAML of MetalLB, frr-k8s, NMState, OVN-Kubernetes, OpenPERouter and Kube-OVN.',
    ),
    '.SH COMMANDS',
  ];
  for (const command of await tree()) {
    out.push(`.SS ${roff(usageOf(command))}`, roff(command.description()));
    for (const a of command.registeredArguments) out.push('.TP', `.I ${roff(argumentText(a))}`, roff(a.description));
    for (const o of visible(command)) out.push('.TP', `.B ${roff(o.flags)}`, roff(optionText(o)));
    const after = afterText(command);
    if (after !== '') out.push('.PP', '.nf', roff(after), '.fi');
  }
  out.push(
    '.SH EXIT STATUS',
    '0 done, 1 failed, 2 wrong usage.',
    '.SH FILES',
    '.TP\n.B /etc/waypost\nDocuments, *.yaml, *.yml and *.json.',
    '.TP\n.B /run/waypost/control.sock\nOn which the commands reach the daemon.',
    '.TP\n.B /var/lib/waypost\nState that is kept over restarts.',
    '.SH SEE ALSO',
    'The manual: README.md and docs/ of the source, /usr/share/doc/waypost of the Debian package.',
    '',
  );
  return out.join('\n');
}

export const pages = {
  'docs/reference/commands.md': commandsPage,
  'docs/reference/documents.md': documentsPage,
  'man/waypost.1': manPage,
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const [file, render] of Object.entries(pages)) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await render());
    process.stdout.write(`${file}\n`);
  }
