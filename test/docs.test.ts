import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../src/cli/program.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const pages = ['README.md', 'CONTRIBUTING.md', ...markdown('docs')];

function markdown(dir: string): string[] {
  return readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.md'))
    .map((f) => join(dir, f));
}

describe('documentation', () => {
  it('shows in the README just the example that is type-checked', () => {
    expect(/```ts\n(.*?)```/s.exec(read('README.md'))![1]).toBe(read('examples/first.ts'));
  });

  it('links only to files that are there', () => {
    for (const page of pages)
      for (const [, target] of read(page).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g))
        expect(() => read(join(dirname(page), target!)), `${page} links to ${target}`).not.toThrow();
  });

  it('names only commands and options that exist', () => {
    const program = createProgram();
    const known = new Map(program.commands.map((c) => [c.name(), c.options.map((o) => o.long)]));
    for (const page of pages)
      for (const [, command, rest] of read(page).matchAll(/^(?:npx )?fovea ([a-z-]+)([^#\n]*)/gm)) {
        expect([...known.keys(), 'help'], `${page}: fovea ${command}`).toContain(command);
        for (const [option] of rest!.matchAll(/--[a-z-]+/g))
          if (command !== 'data') expect(known.get(command!), `${page}: fovea ${command}${rest}`).toContain(option);
      }
  });
});
