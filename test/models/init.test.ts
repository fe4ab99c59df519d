import { expect, it } from 'vitest';
import { createModel } from '../../src/models/index.js';
import { numel, type Shape } from '../../src/tensor/shape.js';
import { initialised } from './initialised.js';

/** Expected standard deviation of a weight of this shape. */
type Rule = (shape: Shape) => number;

const kaimingFanIn: Rule = (shape) => Math.sqrt(2 / numel(shape.slice(1)));
/** As VGG in torchvision: convolutions keep the variance backwards, linear layers have 0.01. */
const vgg: Rule = (shape) => (shape.length === 4 ? Math.sqrt(2 / (shape[0]! * numel(shape.slice(2)))) : 0.01);
/** PyTorch's default, even in +-1/sqrt(fan in). */
const pytorch: Rule = (shape) => Math.sqrt(1 / (3 * numel(shape.slice(1))));

it.each([
  ['vgg11', vgg, 0],
  ['vgg16_bn', vgg, 0],
  ['googlenet', () => 0.01, undefined],
  ['googlenet_paper', kaimingFanIn, 0],
  ['unet', pytorch, undefined],
  ['unet_paper', kaimingFanIn, 0],
] as const)('%s begins with the values that its docstring says', async (name, rule: Rule, bias) => {
  const net = await initialised(
    createModel(name, { width: 1 / 4, ...(name.startsWith('vgg') ? { hidden: 512 } : {}) }),
  );
  let checked = 0;
  for (const [path, { value, shape }] of net.parameters()) {
    const data = value!.data;
    const isNorm = net.states().has(path.replace(/(weight|bias)$/, 'running_mean'));
    if (isNorm) expect(new Set(data), path).toEqual(new Set([path.endsWith('weight') ? 1 : 0]));
    else if (path.endsWith('bias')) {
      if (bias !== undefined) expect(new Set(data), path).toEqual(new Set([bias]));
    } else if (data.length >= 2000) {
      const std = Math.sqrt((data as Float32Array).reduce((sum, v) => sum + v * v, 0) / data.length);
      // Five standard errors of the deviation of this many normal values.
      expect(Math.abs(std / rule(shape) - 1), `${path}: ${std}`).toBeLessThan(5 / Math.sqrt(2 * data.length));
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(5);
});
