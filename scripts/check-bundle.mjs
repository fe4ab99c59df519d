#!/usr/bin/env node
// What a browser fetches before the first page of the studio is there, packed as it is sent: bounded, so that it stays quick.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** kB; some 20 % above what it was when the studio was new. */
const MOST = 140;

const root = fileURLToPath(new URL('../dist/studio/', import.meta.url));
const assets = readdirSync(join(root, 'assets'));
const packed = (file) => gzipSync(readFileSync(join(root, file))).length / 1000;

// The page, the section that it opens with, and what both import at once.
const files = new Set(['index.html', 'icon.svg']);
const take = (file) => {
  if (files.has(file)) return;
  files.add(file);
  if (!file.endsWith('.js')) return;
  const imports = readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g);
  for (const [, name] of imports) take(`assets/${name}`);
};
for (const [, name] of readFileSync(join(root, 'index.html'), 'utf8').matchAll(/(assets\/[\w.-]+)/g)) take(name);
const section = assets.filter((name) => /^runs-.*\.(js|css)$/.test(name));
for (const name of section) take(`assets/${name}`);
if (!section.some((name) => name.endsWith('.js'))) {
  process.stdout.write(
    'the section that the studio opens with is not among the built files: is it named otherwise now?\n',
  );
  process.exit(1);
}

const size = [...files].reduce((sum, file) => sum + packed(file), 0);
const all = assets.reduce((sum, name) => sum + packed(`assets/${name}`), 0);
process.stdout.write(
  `the first page of the studio takes ${size.toFixed(1)} kB in ${files.size} files (at most ${MOST}); all of it ${all.toFixed(0)} kB\n`,
);
if (size > MOST) {
  const largest = [...files]
    .map((file) => `${packed(file).toFixed(1)} kB ${file}`)
    .sort((a, b) => parseFloat(b) - parseFloat(a));
  process.stdout.write(
    `that is too much: fetch what is not seen at once later, by import()\n  ${largest.slice(0, 6).join('\n  ')}\n`,
  );
  process.exit(1);
}
