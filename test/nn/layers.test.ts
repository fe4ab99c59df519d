import { describe, expect, test } from 'vitest';
import * as nn from '../../src/nn/index.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { constant, input, type Tensor } from '../../src/tensor/node.js';
import { Bench, decode, expectClose, fixture, type Stored } from './support.js';

/** A module from one tensor to one tensor. */
interface Layer extends nn.Module {
  forward(x: Tensor): Tensor;
}
interface Run {
  readonly input: Stored;
  readonly upstream: Stored;
  readonly output: Stored;
  readonly inputGrad: Stored;
  readonly grads: Record<string, Stored>;
  readonly buffers: Record<string, Stored>;
}
interface Case {
  readonly layer: string;
  readonly args: unknown[];
  readonly training: boolean;
  readonly state: Record<string, Stored>;
  readonly runs: Run[];
}

/** Made by test/fixtures/make_nn.py. */
const { cases } = fixture('nn.json') as { cases: Case[] };
const layers = new Map<string, unknown>(Object.entries(nn));
const decodeAll = (stored: Record<string, Stored>) =>
  Object.fromEntries(Object.entries(stored).map(([name, s]) => [name, decode(s)]));

describe('layers compute what PyTorch computes', () => {
  test.each(
    cases.map((c) => [`${c.layer}(${JSON.stringify(c.args)})${c.training ? '' : ' in evaluation'}`, c] as const),
  )('%s', async (_name, c) => {
    const Class = layers.get(c.layer) as new (...args: unknown[]) => Layer;
    const layer = new Class(...c.args).train(c.training);
    layer.loadStateDict(decodeAll(c.state));
    const bench = new Bench();
    await bench.materialise(layer);
    for (const [i, run] of c.runs.entries()) {
      const x = input('x', run.input.shape);
      const { result: y, trace } = nn.trace(undefined, () => layer.forward(x));
      const names = [...layer.parameters().keys()];
      const [dx, ...dp] = gradients(y, [x, ...layer.parameters().values()], constant(decode(run.upstream)));
      const found = await bench.run(
        {
          outputs: { y, dx: dx!, ...Object.fromEntries(names.map((n, j) => [`d.${n}`, dp[j]!])) },
          updates: Object.fromEntries(trace.updates),
        },
        { x: decode(run.input) },
      );
      const check = (what: string, value: ArrayLike<number>, expected: Stored, tolerance = 1e-6) =>
        expectClose(value, decode(expected).data, tolerance, `run ${i}: ${what}`);
      expect(y.shape).toEqual(run.output.shape);
      check('output', found.y!.data, run.output);
      check('gradient of the input', found.dx!.data, run.inputGrad, 2e-6);
      expect(names).toEqual(Object.keys(run.grads));
      for (const n of names) check(`gradient of ${n}`, found[`d.${n}`]!.data, run.grads[n]!, 2e-6);
      for (const [n, b] of Object.entries(run.buffers)) check(n, (await bench.store.get(n)).data, b);
    }
  });
});

test('names, shapes and order of parameters and buffers are those of PyTorch', () => {
  const net = new nn.Sequential(
    new nn.Conv2d(3, 4, { kernel: [3, 2], groups: 1 }),
    new nn.BatchNorm2d(4),
    new nn.Sequential(new nn.ConvTranspose2d(4, 6, { kernel: 2, groups: 2, bias: false })),
    new nn.Linear(5, 7),
  );
  expect([...net.states()].map(([name, p]) => [name, p.shape])).toEqual([
    ['0.weight', [4, 3, 3, 2]],
    ['0.bias', [4]],
    ['1.weight', [4]],
    ['1.bias', [4]],
    ['1.running_mean', [4]],
    ['1.running_var', [4]],
    ['1.num_batches_tracked', []],
    ['2.0.weight', [4, 3, 2, 2]],
    ['3.weight', [7, 5]],
    ['3.bias', [7]],
  ]);
  expect(net.parameterCount()).toBe(72 + 4 + 8 + 48 + 42);
});

describe('a batch norm that is used twice in a pass', () => {
  test('moves its running statistics twice', async () => {
    const bn = new nn.BatchNorm2d(2);
    const bench = new Bench();
    await bench.materialise(bn);
    const x = input('x', [2, 2, 1, 2]);
    const { trace } = nn.trace(undefined, () => [bn.forward(x), bn.forward(x)]);
    await bench.run(
      { updates: Object.fromEntries(trace.updates) },
      { x: { shape: [2, 2, 1, 2], dtype: 'float32', data: Float32Array.of(1, 3, 5, 5, 1, 3, 5, 5) } },
    );
    expectClose((await bench.store.get('running_mean')).data, [0.19 * 2, 0.19 * 5], 1e-6, 'mean');
    // Unbiased variance of 1, 3, 1, 3 is 4/3; of equal values 0.
    expectClose((await bench.store.get('running_var')).data, [0.81 + (0.19 * 4) / 3, 0.81], 1e-6, 'variance');
    expect((await bench.store.get('num_batches_tracked')).data[0]).toBe(2);
  });

  test('leaves them alone in evaluation', () => {
    const bn = new nn.BatchNorm2d(2).eval();
    const { trace } = nn.trace(undefined, () => bn.forward(input('x', [2, 2, 1, 2])));
    expect(trace.updates.size).toBe(0);
  });
});

describe('dropout', () => {
  const rng = (seed: number, step: number) => ({
    shape: [2],
    dtype: 'int32' as const,
    data: Int32Array.of(seed, step),
  });
  async function masks(net: Layer, key = rng(3, 4)) {
    net.bindNames();
    const x = input('x', [4000]);
    const key_ = input('rng', [2], 'int32');
    const { result } = nn.trace(key_, () => net.forward(x));
    const { y } = await new Bench().run(
      { outputs: { y: result } },
      { x: { shape: [4000], dtype: 'float32', data: new Float32Array(4000).fill(1) }, rng: key },
    );
    return [...y!.data];
  }

  test('keeps 1 - p of the elements, scaled, by seed and step', async () => {
    const net = new nn.Sequential(new nn.Dropout(0.3));
    const y = await masks(net);
    const kept = y.filter((v) => v !== 0);
    expect(new Set(kept.map((v) => v.toFixed(5)))).toEqual(new Set([(1 / 0.7).toFixed(5)]));
    // Six standard deviations of a binomial distribution.
    expect(Math.abs(kept.length / 4000 - 0.7)).toBeLessThan(6 * Math.sqrt((0.3 * 0.7) / 4000));
    expect(await masks(net)).toEqual(y);
    expect(await masks(net, rng(3, 5))).not.toEqual(y);
    expect(await masks(net, rng(4, 4))).not.toEqual(y);
  });

  test('differs between layers, and between two uses of one layer', async () => {
    class Twice extends nn.Module {
      readonly drop = new nn.Dropout(0.5);
      forward(x: Tensor): Tensor {
        // 0, 1, 2 or 3: the two masks side by side.
        return this.drop.forward(x).add(this.drop.forward(x).mul(2)).mul(0.5);
      }
    }
    expect(new Set(await masks(new Twice()))).toEqual(new Set([0, 1, 2, 3]));
    const first = await masks(new nn.Sequential(new nn.Dropout(0.5), new nn.Identity()));
    expect(await masks(new nn.Sequential(new nn.Identity(), new nn.Dropout(0.5)))).not.toEqual(first);
  });

  test('with p 0 does nothing and with p 1 gives zeros, also for infinite values', async () => {
    const x = input('x', [3]);
    expect(new nn.Dropout(0).forward(x)).toBe(x);
    expect(new nn.Dropout(0.5).eval().forward(x)).toBe(x);
    const infinite = constant({ shape: [2], dtype: 'float32', data: Float32Array.of(1, Number.POSITIVE_INFINITY) });
    const { y } = await new Bench().run({ outputs: { y: new nn.Dropout(1).forward(infinite) } });
    expect([...y!.data]).toEqual([0, 0]);
  });
});

describe('bad options are refused with the value in the message', () => {
  const conv = (options: object) => () => new nn.Conv2d(4, 6, { kernel: 3, ...options });
  test.each<[string, () => unknown, RegExp]>([
    ['kernel 0', conv({ kernel: 0 }), /Conv2d: kernel must be a whole number at least 1, got 0/],
    ['kernel of three', conv({ kernel: [1, 2, 3] }), /kernel must be one number or \[height, width\], got \[1, 2, 3\]/],
    ['no kernel', () => new nn.Conv2d(4, 6, {} as never), /Conv2d: kernel must be .* got undefined/],
    ['no options', () => new nn.Conv2d(4, 6, undefined as never), /Conv2d: kernel must be .* got undefined/],
    ['negative channels', () => new nn.Conv2d(-4, 6, { kernel: 3 }), /inChannels must be .* got -4/],
    ['fractional stride', conv({ stride: 1.5 }), /stride must be .* got 1.5/],
    ['negative padding', conv({ padding: [0, -1] }), /padding\[1\] must be .* at least 0, got -1/],
    ['padding by name', conv({ padding: 'full' }), /padding must be numbers or "same", got "full"/],
    ['same with stride', conv({ padding: 'same', stride: 2 }), /padding "same" needs stride 1, got \[2, 2\]/],
    ['groups', conv({ groups: 4 }), /groups must divide the channels, got 4 groups for 4 and 6/],
    ['misspelt option', conv({ strides: 2 }), /unknown option of Conv2d "strides", did you mean "stride"\?/],
    ['bias as number', conv({ bias: 1 }), /bias must be true or false, got 1/],
    [
      'output padding',
      () => new nn.ConvTranspose2d(2, 3, { kernel: 3, stride: 2, outputPadding: 2 }),
      /less than stride/,
    ],
    ['features', () => new nn.Linear(0, 3), /inFeatures must be .* got 0/],
    [
      'pool padding',
      () => new nn.MaxPool2d({ kernel: 3, padding: 2 }),
      /at most half the kernel, got \[2, 2\] for \[3, 3\]/,
    ],
    ['adaptive size', () => new nn.AdaptiveAvgPool2d([0, 2]), /size must be .* got 0/],
    ['momentum', () => new nn.BatchNorm2d(3, { momentum: 2 }), /momentum must be .* at most 1, got 2/],
    ['probability', () => new nn.Dropout(1.5), /Dropout: p must be .* got 1.5/],
    ['upsample', () => new nn.Upsample({}), /give either size or scale/],
    [
      'corners of nearest',
      () => new nn.Upsample({ scale: 2, alignCorners: true }),
      /alignCorners is for mode "bilinear"/,
    ],
    ['no module', () => new nn.Sequential(3 as never), /layer 0 is no Module, got 3/],
  ])('%s', (_name, make, message) => {
    expect(make).toThrow(message);
  });

  test('shapes that do not fit name the layer and what it takes', () => {
    const net = new nn.Sequential(new nn.Identity(), new nn.BatchNorm2d(3)).bindNames();
    expect(() => net.forward(input('x', [2, 4, 3, 3]))).toThrow(/takes \[N, 3, H, W\], got \[2, 4, 3, 3\]/);
    expect(() => new nn.BatchNorm2d(3).forward(input('x', [1, 3, 1, 1]))).toThrow(/more than one value a channel/);
    const conv = new nn.Sequential(new nn.Conv2d(3, 4, { kernel: 3 })).bindNames();
    expect(() => conv.forward(input('x', [2, 5, 7, 7]))).toThrow(/^0: conv2d\(/);
  });
});

describe('functional forms', () => {
  const F = nn.F;
  const values = async (t: Tensor) => [...(await new Bench().run({ outputs: { t } })).t!.data];
  const grid = constant({ shape: [1, 1, 2, 3], dtype: 'float32', data: Float32Array.of(1, 2, 3, 4, 5, 6) });

  test('pad widens and cuts, innermost axis first', async () => {
    const padded = F.pad(grid, [1, 0, 0, 1], { value: 9 });
    expect(padded.shape).toEqual([1, 1, 3, 4]);
    expect(await values(padded)).toEqual([9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9]);
    expect(await values(F.pad(grid, [-1, 1]))).toEqual([2, 3, 0, 5, 6, 0]);
    expect(await values(F.pad(grid, [-1, 0, -1, 0]))).toEqual([5, 6]);
    expect(() => F.pad(grid, [1])).toThrow(/pairs of whole numbers/);
  });
  test('centerCrop takes the middle', async () => {
    expect(await values(F.centerCrop(grid, [2, 1]))).toEqual([2, 5]);
    expect(() => F.centerCrop(grid, 3)).toThrow(/cannot cut 3x3 out of \[1, 1, 2, 3\]/);
  });
  test('cat joins along the channels, or along any axis', async () => {
    expect(F.cat([grid, grid, grid]).shape).toEqual([1, 3, 2, 3]);
    expect(await values(F.cat([grid, grid], { axis: -1 }))).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
    expect(() => F.cat([])).toThrow(/nothing to join/);
  });
  test('clamp, where and leakyRelu', async () => {
    expect(await values(F.clamp(grid, 2, 5))).toEqual([2, 2, 3, 4, 5, 5]);
    const signs = constant({ shape: [3], dtype: 'float32', data: Float32Array.of(-2, 0, 3) });
    expect(await values(F.leakyRelu(signs, { negativeSlope: 0.5 }))).toEqual([-1, 0, 3]);
    const slope = gradients(F.leakyRelu(signs, { negativeSlope: 0.5 }).sum(), [signs])[0]!;
    expect(await values(slope)).toEqual([0.5, 0.5, 1]);
  });
  test('interpolate wants exactly one of size and scale', () => {
    expect(F.interpolate(grid, { scale: 1.5 }).shape).toEqual([1, 1, 3, 4]);
    expect(() => F.interpolate(grid, {})).toThrow(/either size or scale/);
    expect(() => F.interpolate(grid, { size: 3, scale: 2 })).toThrow(/either size or scale/);
  });
});
