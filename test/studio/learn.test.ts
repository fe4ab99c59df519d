import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { exportOnnx } from '../../src/export/onnx.js';
import { Inception, VARIANTS } from '../../src/models/googlenetBlocks.js';
import { lenet, lenet5 } from '../../src/models/lenet.js';
import { materialise, readBack } from '../../src/nn/materialise.js';
import { branches, rowOf, total } from '../../studio/src/pages/learn/compute/inception.js';
import { brief, composed, KERNELS } from '../../studio/src/pages/learn/compute/kernels.js';
import { guess, maskLosses } from '../../studio/src/pages/learn/compute/maskLosses.js';
import { firstFilters, onnxWeights } from '../../studio/src/pages/learn/compute/onnxWeights.js';
import {
  convolve,
  difference,
  largest,
  makePlane,
  meanAbsolute,
  mixChannels,
  pool,
  relu,
  resize,
  shifted,
  valueAt,
} from '../../studio/src/pages/learn/compute/ops.js';
import { overlap } from '../../studio/src/pages/learn/compute/overlap.js';
import { cellsWithMask, colourPicture, dabbed, PICTURES } from '../../studio/src/pages/learn/compute/pictures.js';
import { changes, levels } from '../../studio/src/pages/learn/compute/pooling.js';
import { STACKS, seenBehind } from '../../studio/src/pages/learn/compute/receptive.js';
import { doubled, reach, ripple, upKernel } from '../../studio/src/pages/learn/compute/upsample.js';

const noisy = (height: number, width: number) =>
  makePlane(height, width, (y, x) => Math.sin(7 * y + 3 * x * x) + Math.cos(5 * x));

describe('what figures compute', () => {
  it('is a convolution: each value is the sum of window times kernel, padding is zero', () => {
    const picture = noisy(9, 7);
    const kernel = makePlane(3, 3, (y, x) => y - 2 * x + 0.5);
    for (const [stride, padding] of [
      [1, 0],
      [2, 1],
      [3, 2],
    ] as const) {
      const map = convolve(picture, kernel, { stride, padding });
      expect([map.height, map.width]).toEqual([
        Math.floor((9 + 2 * padding - 3) / stride) + 1,
        Math.floor((7 + 2 * padding - 3) / stride) + 1,
      ]);
      for (let y = 0; y < map.height; y++)
        for (let x = 0; x < map.width; x++) {
          let sum = 0;
          for (let v = 0; v < 3; v++)
            for (let u = 0; u < 3; u++)
              sum += valueAt(picture, y * stride - padding + v, x * stride - padding + u) * valueAt(kernel, v, u);
          expect(valueAt(map, y, x)).toBeCloseTo(sum, 4);
        }
    }
  });

  it('two 3x3 kernels make the 5x5 that does both, unless a ReLU stands between them', () => {
    const picture = noisy(16, 13);
    const [a, b] = [KERNELS.vertical(3), KERNELS.blur(3)];
    const once = convolve(picture, composed(a, b));
    expect(largest(difference(convolve(convolve(picture, a), b), once))).toBeLessThan(1e-5);
    expect(largest(difference(convolve(relu(convolve(picture, a)), b), once))).toBeGreaterThan(0.05);
  });

  it('kernels: a blur keeps the light, edges see none on an even picture, both sizes answer alike on a ramp', () => {
    const ramp = makePlane(9, 9, (_, x) => x / 8);
    for (const size of [3, 5] as const) {
      const sum = (name: keyof typeof KERNELS) => KERNELS[name](size).data.reduce((a, b) => a + b, 0);
      expect(sum('blur')).toBeCloseTo(1, 6);
      expect(sum('sharpen')).toBeCloseTo(1, 6);
      expect(sum('vertical')).toBeCloseTo(0, 6);
      expect(valueAt(convolve(ramp, KERNELS.vertical(size)), 1, 1)).toBeGreaterThan(0.1);
      expect(Math.abs(valueAt(convolve(ramp, KERNELS.horizontal(size)), 1, 1))).toBeLessThan(1e-6);
    }
  });

  it('pooling keeps the largest or the mean of four; a picture that is moved by a whole square is another by nothing else', () => {
    const picture = noisy(8, 8);
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 4; x++) {
        const four = [0, 1].flatMap((v) => [0, 1].map((u) => valueAt(picture, 2 * y + v, 2 * x + u)));
        expect(valueAt(pool(picture, 'max'), y, x)).toBeCloseTo(Math.max(...four), 6);
        expect(valueAt(pool(picture, 'average'), y, x)).toBeCloseTo(four.reduce((a, b) => a + b) / 4, 5);
      }
    const seven = PICTURES.seven(32);
    const before = levels(seven, 'max');
    expect(before.map((p) => p.width)).toEqual([32, 16, 8, 4, 2]);
    expect(levels(shifted(seven, 0, 2), 'max')[1]).toEqual(shifted(before[1]!, 0, 1));
    const none = changes(before, before);
    expect(none).toEqual([0, 0, 0, 0, 0]);
    const means = changes(levels(seven, 'average'), levels(shifted(seven, 0, 1), 'average'));
    expect(means.every((v, i) => i === 0 || v < means[i - 1]!)).toBe(true);
    expect(meanAbsolute(resize(before[1]!, 32, 32, 'nearest'))).toBeCloseTo(meanAbsolute(before[1]!), 5);
  });

  it('1x1 convolution mixes channels place by place', () => {
    const picture = colourPicture(16, 30);
    const [swapped, sum] = mixChannels(picture, [
      [0, 0, 1],
      [0.5, -1, 0],
    ]);
    expect(swapped).toEqual(picture[2]);
    for (const i of [0, 17, 255]) expect(sum!.data[i]).toBeCloseTo(0.5 * picture[0].data[i]! - picture[1].data[i]!, 5);
  });

  it('pictures: bright strokes on black, dabs add light only where the pen is', () => {
    const seven = PICTURES.seven(28);
    expect([Math.min(...seven.data), Math.max(...seven.data)]).toEqual([0, 1]);
    const dab = dabbed(
      makePlane(28, 28, () => 0),
      10,
      4,
    );
    expect(valueAt(dab, 10, 4)).toBe(1);
    expect(valueAt(dab, 10, 8)).toBe(0);
    expect(PICTURES.cells(28).data.some((v) => v > 0.6)).toBe(true);
  });

  it('short numbers', () => {
    expect([0.5, -0.25, 0, 1, -1.5, 0.004, 12.345, -0.004].map(brief)).toEqual([
      ...['.5', '-.25', '0', '1', '-1.5', '0', '12.35', '0'],
    ]);
  });
});

describe('networks in figures', () => {
  it('receptive fields are those of the pages: two 3x3 see 5, VGG16 sees 212, LeNet 16', () => {
    expect(seenBehind(['conv3', 'conv3']).map((s) => s.size)).toEqual([3, 5]);
    expect(seenBehind(['conv5']).map((s) => s.size)).toEqual([5]);
    expect(seenBehind(STACKS.VGG16!).at(-1)).toEqual({ layer: 'pool', size: 212, step: 32 });
    expect(seenBehind(STACKS.VGG16!).map((s) => s.size)).toContain(196);
    expect(seenBehind(STACKS.LeNet!).at(-1)).toMatchObject({ size: 16, step: 4 });
    expect(seenBehind([])).toEqual([]);
  });

  it("an inception block's numbers are the paper's, and its weights those of the network's block", () => {
    const list = branches(rowOf('3a'), 5);
    expect(list[2]).toMatchObject({ withReduction: 15_872, without: 153_600, sees: 5 });
    expect(list.map((b) => b.out)).toEqual([64, 128, 32, 32]);
    const row = [192, 64, 96, 128, 16, 32, 32] as const;
    const outs = 64 + 96 + 128 + 16 + 32 + 32;
    // The paper's form has a bias for each output of its six convolutions.
    const block = new Inception(192, row, VARIANTS.paper, 1);
    expect(total(list, (b) => b.withReduction)).toBe(block.parameterCount() - outs);
  });

  it('filters are read from an ONNX file as the network has them', async () => {
    for (const make of [lenet5, lenet]) {
      const net = make();
      const backend = createReferenceBackend();
      const store = backend.createStore();
      await materialise(net, backend, store, 3);
      await readBack(net, store);
      const normalize = { mean: [0.1307], std: [0.3081] };
      const classes = Array.from({ length: 10 }, (_, i) => String(i));
      const { bytes } = exportOnnx(
        { net, name: 'lenet', inputShape: [1, 28, 28], classes, normalize, task: 'classification' },
        { preprocess: true },
      );
      const weight = net.stateDict()['features.0.weight']!;
      const read = onnxWeights(bytes).get('features.0.weight')!;
      expect(read.shape).toEqual(weight.shape);
      expect(read.data).toEqual(weight.data);
      const filters = firstFilters(bytes);
      expect(filters).toHaveLength(weight.shape[0]!);
      expect(filters.map(largest)).toEqual(filters.map(() => 1));
      expect(filters[1]!.data[7]! / filters[1]!.data[3]!).toBeCloseTo(
        Number(weight.data[25 + 7]) / Number(weight.data[25 + 3]),
        4,
      );
    }
    expect(() => firstFilters(Uint8Array.of(0x3a, 0x7f, 1))).toThrow('ends in the middle');
  });
});

describe('masks in figures', () => {
  it('overlap counts pixels', () => {
    const values = [0.9, 0.8, 0.2, 0.6, 0.1];
    const truth = [1, 0, 1, 1, 0];
    expect(overlap(values, truth, 0.5)).toEqual({ tp: 2, fp: 1, fn: 1, iou: 0.5, dice: 2 / 3 });
    expect(overlap([0.1], [0], 0.5)).toMatchObject({ iou: 1, dice: 1 });
  });

  it('losses are those of training: small for the truth, larger the worse the guess', async () => {
    const { mask } = cellsWithMask(32, 4);
    const good = await maskLosses(guess(mask, 0, 0, 0), mask);
    const soft = await maskLosses(guess(mask, 4, 0, 0), mask);
    expect(good.bce).toBeLessThan(0.02);
    expect(soft.bce).toBeGreaterThan(10 * good.bce);
    expect(soft.dice).toBeGreaterThan(good.dice);
    const p = guess(mask, 2, 0.5, 0);
    let bce = 0;
    for (const [i, v] of p.data.entries()) bce -= Math.log(mask.data[i]! > 0 ? v : 1 - v) / p.data.length;
    expect((await maskLosses(p, mask)).bce).toBeCloseTo(bce, 4);
  });

  it('doubling: 2x2 and 4x4 reach all places evenly, 3x3 does not; equal weights keep a flat map flat but for 3x3', () => {
    const inner = (way: 'two' | 'three' | 'four') => {
      const map = reach(6, way);
      const seen = new Set<number>();
      for (let y = 3; y < map.height - 3; y++) for (let x = 3; x < map.width - 3; x++) seen.add(valueAt(map, y, x));
      return [...seen].sort();
    };
    expect([inner('two'), inner('three'), inner('four')]).toEqual([[1], [1, 2, 4], [4]]);
    const waves = (way: 'two' | 'three' | 'four', weights: 'equal' | 'tent') => {
      const [low, high] = ripple(way, upKernel(way, weights, 1));
      return high - low;
    };
    expect(waves('two', 'equal')).toBeLessThan(1e-6);
    expect(waves('four', 'equal')).toBeLessThan(1e-6);
    expect(waves('four', 'tent')).toBeLessThan(1e-6);
    expect(waves('three', 'equal')).toBeCloseTo((4 * 3) / 9, 5);
    // A tent of 3x3 is linear interpolation: overlaps are made good by the weights.
    expect(waves('three', 'tent')).toBeLessThan(1e-6);
    const [low, high] = ripple('bilinear', undefined);
    expect([low, high]).toEqual([1, 1]);
    const map = doubled(
      makePlane(8, 8, () => 1),
      'four',
      upKernel('four', 'random', 2),
    );
    expect([map.height, map.width]).toEqual([16, 16]);
  });
});

describe('documents', () => {
  it('are there for every figure that is drawn', () => {
    for (const name of ['lenet', 'vgg', 'googlenet', 'unet']) {
      const text = readFileSync(new URL(`../../docs/networks/${name}.md`, import.meta.url), 'utf8');
      for (const [, file] of text.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g))
        expect(readFileSync(new URL(`../../docs/networks/${file}`, import.meta.url), 'utf8')).toContain(
          // The studio replaces the query by what its theme is.
          '@media (prefers-color-scheme:dark)',
        );
    }
  });
});
