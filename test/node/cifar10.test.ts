import { describe, expect, it } from 'vitest';
import { measureNormalize, openData } from '../../src/data/index.js';
import { listDatasets } from '../../src/node/index.js';

describe('CIFAR-10', async () => {
  // 139 MB are not fetched for a test; `fovea data get cifar10` puts them there.
  const there = (await listDatasets()).some((set) => set.name === 'cifar10' && set.available);
  it.skipIf(!there)(
    `has its published statistics and parts${there ? '' : ' (skipped: not in the cache)'}`,
    async () => {
      const data = await openData('cifar10', { seed: 1 });
      expect([data.train.length, data.valid?.length, data.test?.length]).toEqual([45000, 5000, 10000]);
      expect(data.inputShape).toEqual([3, 32, 32]);
      const counts = new Array(10).fill(0);
      for (const label of data.all.labels!()!) counts[label]++;
      expect(counts).toEqual(new Array(10).fill(5000));
      const { mean, std } = await measureNormalize(data.all, 20_000);
      for (let c = 0; c < 3; c++) {
        expect(Math.abs(mean[c]! - data.normalize.mean[c]!)).toBeLessThan(0.005);
        expect(Math.abs(std[c]! - data.normalize.std[c]!)).toBeLessThan(0.005);
      }
      // The published test labels begin cat, ship, ship, airplane, frog.
      expect([...data.test!.labels!()!.slice(0, 5)]).toEqual([3, 8, 8, 0, 6]);
    },
  );
});
