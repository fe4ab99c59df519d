import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FileStorage } from '../../src/node/storage.js';
import { Compiled } from './child.js';
import { records, timeless } from './support.js';

/**
 * Real processes, really killed, each then resumed to the end and compared with a run that nobody disturbed.
 *
 * @param kills how many kills at random moments
 * @param stride every how manieth point inside a write to die at; 0 leaves that to about six points
 */
export function killSuite(kills: number, stride: number): void {
  let child: Compiled;
  let whole: string;
  let points = 0;

  beforeAll(async () => {
    child = new Compiled();
    whole = child.runDirectory('whole');
    ({ points } = await child.train(whole));
  });
  afterAll(() => child.remove());

  async function expectSame(out: string) {
    expect(readdirSync(out).sort()).toEqual(['best.safetensors', 'config.json', 'last.safetensors', 'metrics.jsonl']);
    for (const file of ['last.safetensors', 'best.safetensors', 'config.json'])
      expect(readFileSync(join(out, file)).equals(readFileSync(join(whole, file))), file).toBe(true);
    const of = async (at: string) => timeless(await records(new FileStorage(at)));
    expect(await of(out)).toEqual(await of(whole));
  }

  it('at random moments, again and again, ends in the same bytes', async () => {
    const out = child.runDirectory('random');
    let killed = 0;
    for (let resume = false; ; resume = true) {
      // Moments between the first step and long after the last: some land in steps, some in writes.
      const after = killed < kills ? Math.random() * 60 : undefined;
      if (!(await child.train(out, { resume, after })).killed) break;
      killed++;
    }
    expect(killed).toBeGreaterThan(0);
    await expectSame(out);
  }, 300_000);

  it('in the middle of writes to the disk ends in the same bytes', async () => {
    expect(points).toBeGreaterThan(30);
    for (let die = 2; die <= points; die += stride || Math.ceil(points / 6)) {
      const out = child.runDirectory(`point-${die}`);
      expect((await child.train(out, { die })).killed, `point ${die}`).toBe(true);
      expect((await child.train(out, { resume: true })).killed).toBe(false);
      await expectSame(out);
    }
  }, 900_000);
}
