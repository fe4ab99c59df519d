#!/usr/bin/env node
// Writes saved results as Markdown, so that no figure is typed by hand.
//   node bench/tables.mjs [RESULT.json or folder ...] [--into docs/performance.md] [--save FILE.json]
// --into replaces what stands between <!-- bench:begin --> and <!-- bench:end -->; --save keeps the results in one file.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadResults } from './lib/results.mjs';
import { markdown } from './lib/table.mjs';

const [BEGIN, END] = ['<!-- bench:begin -->', '<!-- bench:end -->'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { into: { type: 'string' }, save: { type: 'string' } },
});
try {
  const results = loadResults(positionals);
  if (values.save) writeFileSync(values.save, `[\n${results.map((r) => JSON.stringify(r)).join(',\n')}\n]\n`);
  if (values.into) replace(values.into, markdown(results));
  else console.log(markdown(results));
} catch (error) {
  console.error(`tables: ${error.message}`);
  process.exit(1);
}

function replace(file, tables) {
  const page = readFileSync(file, 'utf8');
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin)
    throw new Error(`${file} has no place for the tables: a line ${BEGIN} and one ${END} below`);
  writeFileSync(file, `${page.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${page.slice(end)}`);
}
