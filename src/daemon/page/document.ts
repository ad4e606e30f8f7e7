/** The page as one HTML document that needs nothing else, and the policy that holds browsers to that. */
import { sha256 } from '../../io/digest.ts';
import { Html, html } from './html.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';
import type { PageView } from './view.ts';

const hash = (text: string): string =>
  `'sha256-${Buffer.from(sha256(new TextEncoder().encode(text))).toString('base64')}'`;

/** The style and the script by their hashes, events from here, and nothing else from anywhere. */
export const POLICY = [
  "default-src 'none'",
  `style-src ${hash(STYLE)}`,
  `script-src ${hash(SCRIPT)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M7 1h2v2h5l1.500 2.500L14 8H9v7H7V8H2V3h5z' fill='%231c5fb8'/%3E%3C/svg%3E";

/** @param rendered the sections' HTML by id, in order */
export function documentOf(view: PageView, rendered: ReadonlyMap<string, string>): string {
  const name = view.node ?? 'no configuration yet';
  const body = [...rendered].map(([id, text]) => html`<section id="${id}">${new Html(text)}</section>\n`);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${name} – waypost</title>
<link rel="icon" href="${ICON}">
<style>${new Html(STYLE)}</style>
</head>
<body data-at="${view.atMs}">
<header><h1><small>waypost</small> ${name}</h1><span id="live" role="status">As of ${new Date(view.atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC</span></header>
<main>
${body}</main>
<footer>waypost ${view.version} · <a href="metrics">metrics</a> · <a href="healthz">health</a> · <a href="readyz">readiness</a></footer>
<script>${new Html(SCRIPT)}</script>
</body>
</html>
`.text;
}
