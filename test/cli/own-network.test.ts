import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, fovea, SMALL, scratch } from './process.js';

const NET = `
import { nn } from 'fovea';
export default class Tiny extends nn.Module {
  constructor({ inputShape: [c, h, w], classes }) {
    super();
    this.conv = new nn.Conv2d(c, 4, { kernel: 3, stride: 2, padding: 1 });
    this.head = new nn.Linear(4 * (h / 2) * (w / 2), classes);
  }
  forward(x) {
    return this.head.forward(new nn.Flatten().forward(new nn.ReLU().forward(this.conv.forward(x))));
  }
}
`;

describe('a network of the user', () => {
  const dir = scratch('own');
  beforeAll(() => {
    build();
    writeFileSync(join(dir, 'tiny.mjs'), NET);
    writeFileSync(
      join(dir, 'factory.mjs'),
      `import { nn } from 'fovea';\nexport default ({ inputShape: [c, h, w], classes }) => new nn.Sequential(new nn.Flatten(), new nn.Linear(c * h * w, classes));\n`,
    );
    writeFileSync(
      join(dir, 'instance.mjs'),
      `import { nn } from 'fovea';\nexport default new nn.Sequential(new nn.Flatten(), new nn.Linear(256, 5));\n`,
    );
  }, 120_000);

  it('is trained from a file outside of any package, evaluated and resumed from another directory', async () => {
    const trained = await fovea(
      ['train', './tiny.mjs', ...SMALL, '--epochs', '1', '--out', 'runs/tiny', '--json'],
      dir,
    );
    expect(trained.stderr).not.toContain('error');
    expect(trained.code).toBe(0);
    const { parameters, test } = JSON.parse(trained.stdout);
    expect(parameters).toBe(4 * 9 + 4 + 4 * 64 * 5 + 5);
    const elsewhere = scratch('elsewhere');
    const run = join(dir, 'runs/tiny');
    const evaluated = await fovea(['eval', run, '--device', 'reference', '--json'], elsewhere);
    expect(JSON.parse(evaluated.stdout).accuracy).toBe(test.accuracy);
    const resumed = await fovea(
      ['train', '--resume', run, '--epochs', '2', '--device', 'reference', '--json'],
      elsewhere,
    );
    expect(JSON.parse(resumed.stdout).epochs).toBe(2);
  });

  it('may be a function or an instance', async () => {
    for (const file of ['factory.mjs', 'instance.mjs']) {
      const out = `runs/${file}`;
      const trained = await fovea(['train', `./${file}`, ...SMALL, '--epochs', '1', '--out', out, '--json'], dir);
      expect(trained.code, trained.stderr).toBe(0);
      expect(JSON.parse(trained.stdout).parameters).toBe(256 * 5 + 5);
    }
  });

  it('is told in one sentence what is wrong with it', async () => {
    const bad: Record<string, [code: string, message: RegExp]> = {
      'none.mjs': ['export const net = 1;', /none\.mjs has no default export; export default a class/],
      'number.mjs': ['export default 3;', /default export of \.\/number\.mjs is a number, expected a class/],
      'object.mjs': ['export default () => ({});', /gives no nn\.Module \(it gives an instance of Object\)/],
      'syntax.mjs': ['export default class {', /syntax\.mjs cannot be loaded: /],
      'throws.mjs': [
        `export default () => { throw new Error('no such thing'); };`,
        /throws\.mjs cannot be made: no such thing/,
      ],
      'shapes.mjs': [
        `import { nn } from 'fovea'; export default new nn.Sequential(new nn.Flatten(), new nn.Linear(99, 5));`,
        /matmul\(.*\[.*256\].*99.*\)/,
      ],
    };
    for (const [file, [code, message]] of Object.entries(bad)) {
      writeFileSync(join(dir, file), code);
      const { code: exit, stderr } = await fovea(
        ['train', `./${file}`, ...SMALL, '--epochs', '1', '--out', 'runs/bad'],
        dir,
      );
      expect(exit).toBe(1);
      expect(stderr).toMatch(message);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    const { stderr } = await fovea(['train', './missing.mjs', ...SMALL], dir);
    expect(stderr).toBe('error: there is no file ./missing.mjs\n');
  });
});
