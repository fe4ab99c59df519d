import { describe, expect, it } from 'vitest';
import { unet } from '../../src/models/unet.js';
import { input } from '../../src/tensor/node.js';
import { SmallUNet } from '../../studio/src/pages/learn/compute/smallUnet.js';
import { HELD_OUT, heldOut, type Masks, SIDE, trainMasks } from '../../studio/src/pages/learn/compute/trainMasks.js';

const train = async (skips: boolean, steps: number, seed = 1) => {
  const losses: number[] = [];
  const masks: Masks[] = [];
  await trainMasks({ skips, steps, seed, onStep: (_, loss) => losses.push(loss), onMasks: (m) => masks.push(m) });
  return { losses, masks };
};

describe('a small U-Net with and without skips', () => {
  it('is the registered one with skips, and reads nothing but the lowest map without', () => {
    const features = [4, 8, 16, 32];
    const whole = new SmallUNet(features, true);
    expect(whole.parameterCount()).toBe(unet({ inputShape: [1, 64, 64], features }).parameterCount());
    const without = new SmallUNet(features, false);
    // Each step up has fewer weights by its skip's channels: 3x3 of them for every output.
    const skipped = [4, 8, 16].reduce((sum, c) => sum + 9 * c * c, 0);
    expect(without.parameterCount()).toBe(whole.parameterCount() - skipped);
    expect((without.forward(input('image', [2, 1, 64, 64])) as { shape: readonly number[] }).shape).toEqual([
      2, 1, 64, 64,
    ]);
  });

  it('has pictures to look at with cells in them', () => {
    const { images, masks } = heldOut();
    expect(images.length).toBe(HELD_OUT * SIDE * SIDE);
    const share = masks.reduce((a, b) => a + b, 0) / masks.length;
    expect(share).toBeGreaterThan(0.05);
    expect(share).toBeLessThan(0.6);
  });

  it('tells every step, looks at the masks in between, and gets better', async () => {
    const { losses, masks } = await train(true, 10);
    expect(losses).toHaveLength(10);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.05);
    expect(masks.map((m) => m.step)).toEqual([1, 5, 10]);
    for (const { values } of masks) expect(values.every((p) => p >= 0 && p <= 1)).toBe(true);
  });

  it('the seed decides the course', async () => {
    const [a, b, c] = [await train(false, 1), await train(false, 1), await train(false, 1, 2)];
    expect(b.losses).toEqual(a.losses);
    expect(c.losses).not.toEqual(a.losses);
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const losses: number[] = [];
    await trainMasks({
      skips: true,
      steps: 50,
      seed: 1,
      signal: stop.signal,
      onStep: (step, loss) => {
        losses.push(loss);
        if (step === 1) stop.abort();
      },
      onMasks: () => {},
    });
    expect(losses.length).toBeLessThan(4);
  });
});
