import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { runOnce } from '../../src/inspect/probe.js';
import { traceModel } from '../../src/inspect/tracing.js';
import { createModel, modelEntry } from '../../src/models/index.js';
import type { ImageShape } from '../../src/models/registry.js';
import { networkGraph, stepTensor } from '../../src/server/studio/look/graph.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { input } from '../../src/tensor/node.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { seenFrom, sights } from '../../studio/src/pages/networks/model/sees.js';

/** Networks small enough to be derived on the reference backend. */
const CASES: readonly { name: string; shape: ImageShape; options?: object; exact?: boolean; every?: number }[] = [
  // Without ReLU and max pooling every pixel that is seen has a gradient.
  { name: 'lenet5', shape: [1, 28, 28], exact: true },
  { name: 'lenet', shape: [1, 28, 30] },
  { name: 'vgg11', shape: [3, 40, 32], options: { width: 0.0625 } },
  { name: 'googlenet', shape: [3, 48, 54], options: { width: 0.0625 }, every: 9 },
  { name: 'unet', shape: [3, 48, 52], options: { width: 0.0625 } },
  { name: 'unet', shape: [3, 48, 52], options: { width: 0.0625, bilinear: true } },
  { name: 'unet_paper', shape: [1, 188, 188], options: { width: 0.0625 } },
];

describe('what a place of a map sees of the image', () => {
  for (const { name, shape, options = {}, exact = false, every = 4 } of CASES)
    it(`${name} ${JSON.stringify(options)}: holds all pixels that have an influence${exact ? ', and no others' : ''}`, async () => {
      const net = createModel(name, { inputShape: shape, ...options });
      const graph = networkGraph(net, { name, inputShape: shape, classes: 2, task: modelEntry(name).task });
      const sight = sights(graph);
      const traced = traceModel(net, shape);
      const [channels, height, width] = shape;
      const image = hostTensor(
        Float32Array.from({ length: channels * height * width }, (_, i) => Math.sin(12.9898 * i) * 1.5),
        [1, channels, height, width],
      );
      const spatial = graph.steps.filter((s) => s.shape.length === 3 && s.kind !== 'input' && !s.trainingOnly);
      // Some are enough: what is before a step is among what leads to it.
      const chosen = exact ? spatial : spatial.filter((_, i) => i % every === 0 || i === spatial.length - 1);
      for (const step of chosen) {
        const { tensor } = stepTensor(traced, step.id)!;
        const [, h, w] = step.shape as [number, number, number];
        for (const place of [
          [0, 0],
          [h - 1, w - 1],
          [Math.floor(h / 2), Math.floor(w / 3)],
        ] as const) {
          const values = new Float32Array(tensor.shape.reduce((a, b) => a * b, 1));
          for (let c = 0; c < step.shape[0]!; c++) values[(c * h + place[0]) * w + place[1]] = 1 + 0.1 * c;
          const [gradient] = gradients(tensor.mul(input('pick', tensor.shape)).sum(), [traced.image]);
          const inputs = { image, pick: hostTensor(values, tensor.shape) };
          const { g } = await runOnce(net, { g: gradient! }, inputs, createReferenceBackend());
          const found = box(g!.data as Float32Array, shape);
          const seen = seenFrom(sight.get(step.id)!, place, [height, width]);
          const where = `${step.path} ${step.kind} at ${place}: ${JSON.stringify({ found, seen })}`;
          if (!found) continue;
          expect(found.top, where).toBeGreaterThanOrEqual(seen.top - 0.5);
          expect(found.left, where).toBeGreaterThanOrEqual(seen.left - 0.5);
          expect(found.bottom, where).toBeLessThanOrEqual(seen.top + seen.height + 0.5);
          expect(found.right, where).toBeLessThanOrEqual(seen.left + seen.width + 0.5);
          if (exact)
            expect([found.top, found.left, found.bottom, found.right], where).toEqual([
              seen.top,
              seen.left,
              seen.top + seen.height,
              seen.left + seen.width,
            ]);
        }
      }
    });
});

/** Borders of what is not zero. */
function box(gradient: Float32Array, [channels, height, width]: ImageShape) {
  let [top, left, bottom, right] = [height, width, 0, 0];
  for (let i = 0; i < channels * height * width; i++) {
    if (gradient[i] === 0) continue;
    const [y, x] = [Math.floor(i / width) % height, i % width];
    [top, left, bottom, right] = [Math.min(top, y), Math.min(left, x), Math.max(bottom, y + 1), Math.max(right, x + 1)];
  }
  return top < bottom ? { top, left, bottom, right } : undefined;
}
