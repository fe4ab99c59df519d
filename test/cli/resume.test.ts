import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, fovea, scratch, start, until } from './process.js';

const ARGS =
  'train lenet5 --data shapes --images 1600 --size 16 --device reference --batch-size 16 --epochs 2 --lr 0.05 --seed 5 --augment hflip,crop:2 --log-every 1'.split(
    ' ',
  );

/** Batches of an epoch: 16 each of 80 % of the images. */
const BATCHES = 80;

describe('Ctrl-C', () => {
  const dir = scratch('resume');
  beforeAll(build, 120_000);
  const bytes = (run: string, file: string) => readFileSync(join(dir, run, file));
  const lines = (run: string) =>
    bytes(run, 'metrics.jsonl')
      .toString()
      .trim()
      .split('\n')
      .map((line) => ({ ...JSON.parse(line), seconds: 0, imagesPerSecond: 0 }));

  it('finishes the step, saves, says how to go on; the resumed run is the uninterrupted one, byte for byte', async () => {
    const whole = await fovea([...ARGS, '--out', 'whole'], dir);
    expect(whole.code).toBe(0);

    const first = start([...ARGS, '--out', 'cut'], dir);
    await until(() => /step 7 /.test(first.output()));
    first.child.kill('SIGINT');
    const stopped = await first.ended;
    expect(stopped.code).toBe(130);
    expect(stopped.stdout).toContain('interrupted; everything is saved in cut, go on with: fovea train --resume cut');
    const done = Number([...stopped.stdout.matchAll(/^step (\d+) /gm)].at(-1)![1]);

    const listed = JSON.parse((await fovea(['runs', '.', '--json'], dir)).stdout).runs;
    expect(listed.find((r: { run: string }) => r.run === 'cut').state).toBe('unfinished');

    // Once more, in the second epoch.
    const second = start(['train', '--resume', 'cut', '--device', 'reference', '--log-every', '1'], dir);
    await until(() => new RegExp(`step ${Math.max(BATCHES + 5, done + 3)} `).test(second.output()));
    second.child.kill('SIGTERM');
    const again = await second.ended;
    expect(again.code).toBe(143);
    const at = `epoch ${Math.floor(done / BATCHES) + 1}, batch ${(done % BATCHES) + 1} of ${BATCHES}`;
    expect(again.stdout).toContain(`going on at ${at}`);
    expect(again.stdout).toMatch(new RegExp(`^step ${done + 1} `, 'm'));

    const third = await fovea(['train', '--resume', 'cut', '--device', 'reference', '--json'], dir);
    expect(third.code).toBe(0);
    expect(JSON.parse(third.stdout)).toMatchObject({ reason: 'done', epochs: 2 });
    expect(bytes('cut', 'best.safetensors').equals(bytes('whole', 'best.safetensors'))).toBe(true);
    expect(bytes('cut', 'last.safetensors').equals(bytes('whole', 'last.safetensors'))).toBe(true);
    expect(lines('cut')).toEqual(lines('whole'));
  }, 120_000);

  it('with --json still leaves one object on standard output', async () => {
    const run = start([...ARGS, '--out', 'json', '--json'], dir);
    await until(() => /step 3 /.test(run.output()));
    run.child.kill('SIGINT');
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ run: 'json', reason: 'interrupted', epochs: 0 });
  });
});
