import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { bceWithLogits } from '../../src/losses/index.js';
import { lenet } from '../../src/models/lenet.js';
import { unet, unetPaper } from '../../src/models/unet.js';
import * as nn from '../../src/nn/index.js';
import type { Tensor } from '../../src/tensor/node.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { axisTiles, predictTiled, resizeRows, type TileGeometry, tileGeometry } from '../../src/train/tiles.js';
import { Trainer } from '../../src/train/trainer.js';
import { nativeBackend } from './native.js';

const native = nativeBackend();

function noise(shape: readonly [number, number, number], seed: number) {
  const data = new Uint8Array(shape[0] * shape[1] * shape[2]);
  let state = seed;
  // Smooth over a few pixels, so that deep layers have something to see.
  for (let i = 0; i < data.length; i++) {
    if (i % 5 === 0) state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    data[i] = state >> 20;
  }
  return { data, shape };
}

describe('the geometry of tiles', () => {
  it('is that of the network: what a value sees, and the stride of its coarsest map', () => {
    const shallow = unet({ features: [4, 8, 16] });
    // Convolutions of 3x3: two at each of the levels of stride 1 and 2 on both ways, two at 4; and the pools.
    const sees = 1 + 2 * (2 + 2) + 4 * 2 * 2 + 8 * 2 + 2 * 0;
    const found = tileGeometry(shallow, [3, 64, 64])!;
    expect(found).toMatchObject({ outputs: 1, multiple: 4, border: [0, 0] });
    expect(2 * found.margin).toBeGreaterThanOrEqual(sees);
    expect(found.margin).toBeLessThan(sees);
    expect(tileGeometry(unet({ classes: 3 }), [3, 128, 128])).toMatchObject({ outputs: 3, multiple: 16 });
    expect(tileGeometry(unetPaper({ features: [2, 4], inputShape: [1, 32, 32] }), [1, 32, 32])).toMatchObject({
      border: [8, 8],
    });
    expect(tileGeometry(lenet(), [1, 28, 28])).toBeUndefined();
  });

  it('covers every pixel with weights that sum to one and are zero where the edge of a tile shows', () => {
    const shape = fc.record({
      length: fc.integer({ min: 1, max: 700 }),
      tile: fc.integer({ min: 16, max: 300 }),
      multiple: fc.constantFrom(1, 4, 8, 16),
      margin: fc.integer({ min: 0, max: 60 }),
    });
    fc.assert(
      fc.property(shape, ({ length, tile, multiple, margin }) => {
        const geometry: TileGeometry = { outputs: 1, multiple, margin, border: [0, 0] };
        const { padded, tile: side, starts, weights } = axisTiles(length, tile, geometry);
        expect(padded).toBeGreaterThanOrEqual(length);
        expect(padded - length).toBeLessThan(multiple);
        const sums = new Float64Array(padded);
        for (const [k, start] of starts.entries()) {
          expect(start % multiple).toBe(0);
          expect(side % multiple).toBe(0);
          for (const [i, w] of weights[k]!.entries()) sums[start + i]! += w;
          if (k > 0) for (let i = 0; i < margin; i++) expect(weights[k]![i]).toBe(0);
          if (k < starts.length - 1) for (let i = 0; i < margin; i++) expect(weights[k]![side - 1 - i]).toBe(0);
        }
        for (const sum of sums) expect(sum).toBeCloseTo(1, 12);
      }),
      { numRuns: 200 },
    );
  });
});

/** A network whose output at a pixel is a mean over a window, on two channels: what is right is easily computed. */
class Blur extends nn.Module {
  readonly conv = new nn.Conv2d(3, 2, { kernel: 9, padding: 4, bias: false });
  forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

describe.each([
  ['reference', () => createReferenceBackend()],
  ['native', () => native.backend],
] as const)('tiles on %s', (name, backendOf) => {
  const backend = backendOf();
  const check = it.skipIf(!backend);

  const whole = async (net: nn.Module, shape: readonly [number, number, number], tile: number) => {
    const trainer = new Trainer(net, {
      loss: bceWithLogits(),
      backend,
      normalize: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    });
    const image = noise(shape, 7);
    const geometry = tileGeometry(net, [3, 64, 64])!;
    const run = async (pixels: Uint8Array, h: number, w: number) =>
      (await trainer.predict(hostTensor(pixels, [1, 3, h, w]))).data as Float32Array;
    const of = async (side: number, margin = geometry.margin) => {
      const out = new Float32Array(geometry.outputs * shape[1] * shape[2]);
      const seen: number[] = [];
      await predictTiled(run, image, { ...geometry, margin }, side, (y, count, rows) => {
        for (let r = 0; r < count; r++) seen.push(y + r);
        for (let k = 0; k < geometry.outputs; k++)
          out.set(rows.subarray(k * count * shape[2], (k + 1) * count * shape[2]), (k * shape[1] + y) * shape[2]);
      });
      // Every row once and in order.
      expect(seen).toEqual(Array.from({ length: shape[1] }, (_, y) => y));
      return out;
    };
    const [one, many, careless] = [await of(4096), await of(tile), await of(tile, 0)];
    await trainer.dispose();
    return { one, many, careless };
  };

  check('give what the whole image gives, away from its border and at it', async () => {
    const size = name === 'native' ? ([3, 500, 371] as const) : ([3, 150, 131] as const);
    const net = name === 'native' ? unet({ features: [8, 16, 32] }) : new Blur();
    const { one, many, careless } = await whole(net, size, name === 'native' ? 160 : 64);
    const probability = (x: number) => 1 / (1 + Math.exp(-x));
    const furthest = (other: Float32Array) =>
      one.reduce((worst, x, i) => Math.max(worst, Math.abs(probability(x) - probability(other[i]!))), 0);
    expect(furthest(many)).toBeLessThan(1e-4);
    // Tiles that overlap too little do show.
    expect(furthest(careless)).toBeGreaterThan(10 * furthest(many));
  });
});

it('enlarges maps as PyTorch does without aligned corners', () => {
  // F.interpolate(torch.tensor([[[[0., 4.], [8., 16.]]]]), (4, 3), mode='bilinear', align_corners=False)
  const expected = [
    [0, 2, 4],
    [2, 4.5, 7],
    [6, 9.5, 13],
    [8, 12, 16],
  ];
  const rows: number[][] = [];
  resizeRows(Float32Array.of(0, 4, 8, 16), [1, 2, 2], 4, 3, (_, __, row) => rows.push([...row]));
  expect(rows).toEqual(expected);
});
