import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/io/safetensors.js';
import { build, fovea, scratch } from './process.js';

const dir = scratch('freeze');
beforeAll(build, 120_000);

const CELLS =
  'train unet --data cells --images 20 --size 16 --features 4,8 --batch-size 4 --seed 2 --samples-every 0 --device reference';
const run = (rest: string) => fovea(`${CELLS} ${rest}`.split(' '), dir);
const bytes = (name: string) => readFileSync(join(dir, name, 'last.safetensors'));
const weights = (name: string) =>
  new Map([...readSafetensors(bytes(name)).tensors].filter(([path]) => /^(inc|down1|up1|outc)\./.test(path)));

describe('train --freeze', () => {
  it('trains the rest; a run that goes on keeps it so', async () => {
    const [whole, other, cut] = await Promise.all([
      run('--freeze inc,down1.maxpool_conv --epochs 2 --lr 0.02 --out whole'),
      run('--freeze inc,down1.maxpool_conv --epochs 1 --lr 0.1 --out other'),
      run('--freeze inc --freeze down1.maxpool_conv --epochs 1 --lr 0.02 --out cut'),
    ]);
    for (const { stderr, code } of [whole, other, cut]) expect([stderr, code]).toEqual(['', 0]);
    expect(whole.stdout).toMatch(/^frozen: 1,092 of 1,677 parameters \(inc, down1\.maxpool_conv\)$/m);
    // Another rate and length: what is frozen, running statistics included, is as it was drawn by the seed.
    const [a, b] = [weights('whole'), weights('other')];
    for (const [path, value] of a)
      if (/num_batches_tracked/.test(path)) expect(value.data[0] === 0, path).toBe(/^(inc|down1)/.test(path));
      else if (/^(inc|down1)\./.test(path)) expect(b.get(path), path).toEqual(value);
      else expect(b.get(path)!.data, path).not.toEqual(value.data);

    const config = JSON.parse(readFileSync(join(dir, 'cut/config.json'), 'utf8'));
    expect(config.training.frozen).toContain('down1.maxpool_conv.1.double_conv.4.bias');
    expect(config.training.frozen.every((path: string) => /^(inc|down1)\./.test(path))).toBe(true);
    expect(readFileSync(join(dir, 'cut/report.html'), 'utf8')).toContain('12 tensors of inc, down1');
    const more = await fovea('train --resume cut --epochs 2 --device reference'.split(' '), dir);
    expect(more.code).toBe(0);
    for (const [path, value] of weights('cut')) expect(value, path).toEqual(a.get(path));
  }, 120_000);

  it('says what is wrong in one sentence', async () => {
    const [typo, all, resume, empty] = await Promise.all([
      run('--freeze inc,dwon1 --out typo'),
      run('--freeze inc,down1,up1,outc --out all'),
      fovea('train --resume whole --freeze inc'.split(' '), dir),
      run('--freeze , --out empty'),
    ]);
    expect(typo.stderr).toBe(
      'error: the network has no parameters at "dwon1", did you mean "down1"? (its parts: inc, down1, up1, outc)\n',
    );
    expect(all.stderr).toBe('error: --freeze inc,down1,up1,outc leaves nothing to train\n');
    expect(resume.stderr).toMatch(/^error: --freeze cannot change when a run goes on/);
    expect(empty.stderr).toMatch(/--freeze.*names of layers or parameters/);
    expect([typo, all, resume, empty].map(({ code }) => code)).toEqual([1, 1, 2, 1]);
  });
});
