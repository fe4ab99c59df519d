import { afterAll, describe, expect, test } from 'vitest';
import { createNativeBackend } from '../../src/backends/native/index.js';
import { unnumbered } from '../../src/backends/native/steps.js';
import { crossEntropy } from '../../src/losses/index.js';
import * as nn from '../../src/nn/index.js';
import { sgd } from '../../src/optim/index.js';
import { buildGraph, type Graph } from '../../src/tensor/graph.js';
import type { Tensor } from '../../src/tensor/node.js';
import { buildTrainStep } from '../../src/train/step.js';

const backend = createNativeBackend();
afterAll(() => backend.dispose());

class Net extends nn.Module {
  readonly conv = new nn.Conv2d(3, 8, { kernel: 3, padding: 1 });
  readonly norm = new nn.BatchNorm2d(8);
  readonly up = new nn.ConvTranspose2d(8, 4, { kernel: 2, stride: 2 });
  readonly fc = new nn.Linear(4 * 12 * 12, 5);
  /** [N, 3, 6, 6] -> [N, 5] */
  forward(x: Tensor): Tensor {
    const y = this.up.forward(nn.F.relu(this.norm.forward(this.conv.forward(x))));
    return this.fc.forward(nn.F.flatten(nn.F.relu(y)));
  }
}

function trainingGraph(): Graph {
  const net = new Net();
  net.bindNames();
  const objective = { net, loss: crossEntropy(), metrics: [], normalize: { mean: [0, 0, 0], std: [1, 1, 1] } };
  const type = { image: { shape: [7, 3, 6, 6], dtype: 'uint8' }, target: { shape: [7], dtype: 'int32' } } as const;
  return buildGraph(buildTrainStep(objective, type, sgd({ lr: 0.1, momentum: 0.9 })).spec);
}

describe('the steps of a training step', () => {
  test('say which layer, which part of the step and how much work they are', async () => {
    const program = await backend.compile(trainingGraph(), backend.createStore());
    const steps = program.describe();
    expect(new Set(steps.map((s) => s.phase))).toEqual(new Set(['forward', 'loss', 'backward', 'update']));
    const work = (label: string, phase: string) =>
      steps.filter((s) => s.label === label && s.phase === phase).reduce((sum, s) => sum + s.flops, 0);
    const conv = 2 * 7 * 36 * 8 * 27;
    const up = 2 * 7 * 36 * 8 * 16;
    const fc = 2 * 7 * 4 * 144 * 5;
    // Forward once; backward for input and weights, but the image wants no gradient.
    expect([work('conv', 'forward'), work('conv', 'backward')]).toEqual([conv, conv]);
    expect([work('up', 'forward'), work('up', 'backward')]).toEqual([up, 2 * up]);
    expect([work('fc', 'forward'), work('fc', 'backward')]).toEqual([fc, 2 * fc]);
    expect(steps.filter((s) => s.flops > 0).map((s) => s.op)).not.toContain('reorder');
    const updated = new Set(steps.filter((s) => s.phase === 'update').map((s) => s.label));
    for (const layer of ['conv', 'norm', 'up', 'fc']) expect(updated).toContain(layer);
    expect(steps.some((s) => s.phase === 'loss' && s.op === 'crossEntropy')).toBe(true);
    expect(steps.filter((s) => s.label.includes('#'))).toEqual([]);
  });
});

test('messages of the add-on are told without the numbers of nodes', () => {
  expect(unnumbered('features.0#12: conv2d: oneDNN refused it (x)')).toBe('features.0: conv2d: oneDNN refused it (x)');
  expect(unnumbered('#3: add: oneDNN refused it (#1)')).toBe('add: oneDNN refused it (#1)');
  expect(unnumbered('state "a#1" has no value')).toBe('state "a#1" has no value');
});
