import { escapeXml } from '../../report/theme.js';
import { IDS, type PageConfig } from './config.js';
import { pageStyle } from './style.js';

/** What stands in a page beside its text, as base64 of plain or gzipped bytes. */
export interface Packed {
  readonly base64: string;
  readonly gzip?: boolean;
}

export interface PageParts {
  readonly config: PageConfig;
  /** The page's modules as an import map, and the one that starts it. */
  readonly imports: Readonly<Record<string, string>>;
  readonly main: string;
  readonly runtime: Packed;
  readonly wasm: Packed;
  readonly worker: Packed;
  /** The ONNX file in parts, base64. */
  readonly model: readonly string[];
  /** Text of the licences of what is inside. */
  readonly notice: string;
}

const LOGO =
  '<svg viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64" rx="14" fill="#3b6fd4"/><circle cx="32" cy="32" r="17" fill="none" stroke="#fff" stroke-width="5"/><circle cx="32" cy="32" r="6" fill="#fff"/></svg>';

/** JSON that stands in an HTML page: nothing in it can end the element. */
const json = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

/** One HTML file that needs nothing else, as pieces in order: a single string might be too long. */
export function* pageHtml(parts: PageParts): Generator<string> {
  const { config, imports, main, model, notice } = parts;
  const title = escapeXml(config.title);
  const icon = `data:image/svg+xml,${encodeURIComponent(LOGO.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"'))}`;
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${icon}">
<style>${pageStyle}</style>
<!--
${notice.replaceAll('--', '- -')}
-->
<script type="importmap">${json({ imports })}</script>
<script type="application/json" id="${IDS.config}">${json(config)}</script>
</head>
<body>
<main>
<header>${LOGO}<div><h1>${title}</h1><p>${escapeXml(config.about)}</p></div></header>
<p id="banner" role="alert" hidden></p>
<p id="loading" role="status">Unpacking …</p>
<div id="desk"></div>
<noscript><p>This page computes in your browser: allow it to run scripts.</p></noscript>
<footer>Everything happens in this page: no picture leaves it, and it works without a network connection. Made by Fovea.</footer>
</main>
`;
  for (const [id, { base64, gzip }] of [
    [IDS.runtime, parts.runtime],
    [IDS.worker, parts.worker],
    [IDS.wasm, parts.wasm],
  ] as const)
    yield `<script type="text/plain" id="${id}"${gzip ? ' data-encoding="gzip"' : ''}>${base64}</script>\n`;
  for (const part of model) yield `<script type="text/plain" class="${IDS.model}">${part}</script>\n`;
  yield `<script type="module">import ${json(main)};</script>
</body>
</html>
`;
}
