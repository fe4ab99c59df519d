import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/tensor/autodiff.js';
import { isFloat } from '../../src/tensor/dtype.js';
import { input } from '../../src/tensor/node.js';
import type { OpName } from '../../src/tensor/ops/signatures.js';
import { opDef, opNames } from '../../src/tensor/ops/table.js';
import { checkGradients, trace, weightedSum } from './differences.js';
import { Draw } from './draw.js';
import { valuesOf } from './evaluate.js';
import { forSeeds } from './property.js';
import { type Sample, sample } from './samples.js';

const differentiable = opNames.filter((op) => typeof opDef(op).gradient === 'function');

/** Floating-point inputs that are constants by definition: asking for their gradient is an error. */
const CONSTANTS: Partial<Record<OpName, readonly number[]>> = { crossEntropy: [2] };

function floatInputs(op: OpName, { inputs }: Sample): number[] {
  return inputs.flatMap((x, i) => (isFloat(x.dtype) && !CONSTANTS[op]?.includes(i) ? [i] : []));
}

/** Whether a sample has something to differentiate: casts to integers and empty inputs do not. */
function usable(op: OpName, drawn: Sample): boolean {
  return floatInputs(op, drawn).length > 0 && trace(op, drawn).outputs.some((y) => isFloat(y.dtype));
}

describe('gradients agree with finite differences in float64', () => {
  test.each(differentiable)('%s', (op) => {
    let checked = 0;
    forSeeds(14, (seed) => {
      const drawn = sample(op, seed);
      if (!usable(op, drawn)) return;
      const traced = trace(op, drawn);
      // A random part of the outputs: gradients must be right whichever of them the loss depends on.
      const draw = new Draw(seed ^ 0x5bd1);
      const kept = traced.outputs.filter(() => draw.bool(0.7));
      const loss = weightedSum(kept.length > 0 ? kept : traced.outputs, draw);
      checkGradients(traced, loss, floatInputs(op, drawn), seed, { step: drawn.step });
      checked++;
    });
    expect(checked).toBeGreaterThan(2);
  });
});

describe('a gradient asked for alone equals the one computed together with the others', () => {
  test.each(differentiable)('%s', (op) => {
    forSeeds(6, (seed) => {
      const drawn = sample(op, seed);
      if (!usable(op, drawn)) return;
      const traced = trace(op, drawn);
      const loss = weightedSum(traced.outputs, new Draw(seed));
      const wrt = floatInputs(op, drawn).map((i) => traced.inputs[i]!);
      const together = valuesOf(gradients(loss, wrt), traced.feeds);
      for (const [k, x] of wrt.entries()) {
        const alone = valuesOf(gradients(loss, [x]), traced.feeds)[0]!;
        expect(alone.data).toEqual(together[k]!.data);
      }
    });
  });
});

/** Operations whose gradient is made of differentiable operations only, so that a second derivative exists. */
// biome-ignore format: a list to be read across
const TWICE: readonly OpName[] = [
  'neg', 'exp', 'log', 'sqrt', 'reciprocal', 'tanh', 'sigmoid', 'softplus', 'relu',
  'add', 'sub', 'mul', 'div', 'pow', 'bceWithLogits', 'dropout', 'where',
  'broadcastTo', 'reshape', 'permute', 'slice', 'pad', 'concat', 'sum', 'mean', 'softmax', 'logSoftmax', 'matmul',
  'conv2d', 'convTranspose2d', 'conv2dWeightGrad', 'avgPool2d', 'avgPool2dGrad', 'adaptiveAvgPool2d',
  'adaptiveAvgPool2dGrad', 'batchNormInference', 'resize2d', 'resize2dGrad',
];

describe('second derivatives agree with finite differences of the gradient', () => {
  test.each(TWICE)('%s', (op) => {
    forSeeds(4, (seed) => {
      const drawn = sample(op, seed);
      if (!usable(op, drawn)) return;
      const traced = trace(op, drawn);
      const draw = new Draw(seed ^ 0x2c1b);
      // The upstream gradient is a variable too: a linear operation's gradient depends on nothing else.
      const u = traced.inputs.length;
      const upstream = input(`x${u}`, traced.outputs[0]!.shape, 'float64');
      const wrt = floatInputs(op, drawn);
      const inputs = wrt.map((i) => traced.inputs[i]!);
      const scalar = weightedSum(gradients(traced.outputs[0]!, inputs, upstream), draw);
      const feeds = { ...traced.feeds, [`x${u}`]: draw.floats(upstream.shape, -1, 1) };
      const twice = { inputs: [...traced.inputs, upstream], outputs: [scalar], feeds };
      checkGradients(twice, scalar, [...wrt, u], seed, { most: 6 });
    });
  });
});

test('operations without a gradient say why, and autodiff repeats it', () => {
  const silent = opNames.filter((op) => typeof opDef(op).gradient !== 'function');
  for (const op of silent) {
    const rule = opDef(op).gradient as { notDifferentiable: string };
    expect(rule.notDifferentiable.length).toBeGreaterThan(10);
  }
  const x = input('x', [3], 'float64');
  const drawn = sample('sign', 1);
  const y = trace('sign', drawn);
  expect(() => gradients(y.outputs[0]!.sum(), [y.inputs[0]!])).toThrow(
    /sign has no gradient: its value moves in steps/,
  );
  expect(() => gradients(x, [x])).toThrow(/give an upstream gradient for a tensor of shape \[3\]/);
});
