import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { build } from './cli/process.js';
import { chromiumPath, noBrowser } from './export/page.js';

const root = fileURLToPath(new URL('..', import.meta.url));

// The whole of it, installed from the tarball without compiler and oneDNN, is `npm run check:package`.
describe('the package', () => {
  beforeAll(build, 120_000);

  it('runs nothing when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^(pre|post)?prepare$/.test(name))).toEqual([]);
  });

  it('packs what is compiled, the engine and what builds it, and nothing of its making', () => {
    const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    });
    const paths: string[] = JSON.parse(text)[0].files.map((f: { path: string }) => f.path);
    for (const needed of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/browser.js',
      'native/src/addon.cc',
      'scripts/build-native.mjs',
    ])
      expect(paths).toContain(needed);
    const tops = new Set(paths.map((p) => p.split('/')[0]));
    for (const top of tops)
      expect([
        'dist',
        'prebuilt',
        'native',
        'scripts',
        'docs',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'package.json',
      ]).toContain(top);
    expect(paths.filter((p) => /(^|\/)(test|fixtures|node_modules)\/|\.tsbuildinfo$/.test(p))).toEqual([]);
  });

  it.skipIf(noBrowser)(
    `computes in a page bundled by Vite what it computes in Node${noBrowser}`,
    () => {
      const script = join(root, 'scripts/check-package.mjs');
      const env = { ...process.env, CHROMIUM: chromiumPath };
      const text = execFileSync(process.execPath, [script, '--browser'], { cwd: root, env, encoding: 'utf8' });
      expect(text).toMatch(/ok: it computes in Chromium what it computes in Node \(largest difference \S+\)/);
    },
    90_000,
  );
});
