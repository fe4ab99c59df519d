import { describe, expect, test } from 'vitest';
import * as nn from '../../src/nn/index.js';
import { fans, gain } from '../../src/nn/init.js';
import { constant } from '../../src/tensor/node.js';
import { Bench, decode, expectClose, fixture, type Stored } from './support.js';

const { init } = nn;

class Holder extends nn.Module {
  constructor(readonly weight: nn.Parameter) {
    super();
  }
  forward(): never {
    throw new Error('not for calling');
  }
}

/** Values of an initialiser for a shape. */
async function draw(initializer: nn.Initializer, shape: number[], seed = 1): Promise<number[]> {
  const bench = new Bench();
  await bench.materialise(new Holder(new nn.Parameter(shape, initializer)), seed);
  return [...(await bench.store.get('weight')).data];
}

function moments(values: number[]) {
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  const std = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length);
  return { mean, std, least: Math.min(...values), most: Math.max(...values) };
}

/** 15,000 values; fan in 750, fan out 500. */
const SHAPE = [20, 30, 5, 5];
const N = 15000;

/** Six standard errors of the mean, and of the standard deviation (bounded by that of a normal distribution). */
function expectMoments(values: number[], mean: number, std: number) {
  const found = moments(values);
  expect(Math.abs(found.mean - mean)).toBeLessThan((6 * std) / Math.sqrt(N));
  expect(Math.abs(found.std / std - 1)).toBeLessThan(6 / Math.sqrt(2 * N));
}

describe('uniform initialisers fill their range', () => {
  test.each<[string, nn.Initializer, number]>([
    ['kaiming with a = sqrt(5), the default of PyTorch', init.defaultWeight, 1 / Math.sqrt(750)],
    ['default bias', init.defaultBias(SHAPE), 1 / Math.sqrt(750)],
    ['kaiming', init.kaimingUniform(), Math.sqrt(6 / 750)],
    [
      'kaiming, fan out, tanh',
      init.kaimingUniform({ mode: 'fanOut', nonlinearity: 'tanh' }),
      (5 / 3) * Math.sqrt(3 / 500),
    ],
    ['xavier', init.xavierUniform(), Math.sqrt(6 / 1250)],
    ['xavier with gain', init.xavierUniform(gain('relu')), Math.sqrt(12 / 1250)],
    ['plain', init.uniform(-0.25, 0.25), 0.25],
  ])('%s', async (_name, initializer, bound) => {
    const values = await draw(initializer, SHAPE);
    const { least, most } = moments(values);
    expect(values).toHaveLength(N);
    expect(most).toBeLessThanOrEqual(Math.fround(bound));
    expect(least).toBeGreaterThanOrEqual(-Math.fround(bound));
    expect(most).toBeGreaterThan(0.99 * bound);
    expect(least).toBeLessThan(-0.99 * bound);
    expectMoments(values, 0, bound / Math.sqrt(3));
  });

  test('uniform takes its low and high end', async () => {
    const { least, most, mean } = moments(await draw(init.uniform(2, 5), SHAPE));
    expect([least >= 2, most <= 5, Math.abs(mean - 3.5) < 0.05]).toEqual([true, true, true]);
  });
});

describe('normal initialisers have their mean and standard deviation', () => {
  test.each<[string, nn.Initializer, number, number]>([
    ['kaiming fan out, as in VGG', init.kaimingNormal({ mode: 'fanOut', nonlinearity: 'relu' }), 0, Math.sqrt(2 / 500)],
    ['kaiming, leaky', init.kaimingNormal({ a: 0.5 }), 0, Math.sqrt(2 / 1.25 / 750)],
    ['xavier', init.xavierNormal(), 0, Math.sqrt(2 / 1250)],
    ['plain', init.normal(1, 0.01), 1, 0.01],
  ])('%s', async (_name, initializer, mean, std) => {
    const values = await draw(initializer, SHAPE);
    expectMoments(values, mean, std);
    // About 0.27 % of a normal distribution lie beyond three standard deviations.
    const far = values.filter((v) => Math.abs(v - mean) > 3 * std).length / N;
    expect(far).toBeGreaterThan(0.001);
    expect(far).toBeLessThan(0.0055);
  });
});

describe('truncated normal', () => {
  test('cut at two standard deviations', async () => {
    const values = await draw(init.truncNormal({ std: 1 }), SHAPE);
    const { least, most } = moments(values);
    expect(least).toBeGreaterThanOrEqual(-2);
    expect(most).toBeLessThanOrEqual(2);
    // Standard deviation of a normal distribution cut at +-2: 0.8796.
    expectMoments(values, 0, 0.87962566);
  });
  test('far bounds leave a normal distribution', async () => {
    const values = await draw(init.truncNormal({ std: 0.01, mean: 0.5 }), SHAPE);
    expectMoments(values, 0.5, 0.01);
  });
  test('a range on one side of the mean', async () => {
    const values = await draw(init.truncNormal({ low: 1, high: 3 }), SHAPE);
    const { mean, least, most } = moments(values);
    expect([least >= 1, most <= 3]).toEqual([true, true]);
    // (density(1) - density(3)) / (cdf(3) - cdf(1))
    expect(mean).toBeCloseTo(1.5101, 1);
  });
  test('erf and its inverse are those of PyTorch', async () => {
    const { erfinv, erf } = fixture('nn.json') as {
      erfinv: { x: Stored; y: Stored };
      erf: { x: number[]; y: number[] };
    };
    const { y } = await new Bench().run({ outputs: { y: init.erfinv(constant(decode(erfinv.x))) } });
    // Near +-1 the spacing of float32 numbers limits what 1 - x^2 can tell.
    expectClose(y!.data, decode(erfinv.y).data, 3e-6, 'erfinv');
    expectClose(erf.x.map(init.erf), erf.y, 1e-14, 'erf');
  });
});

test('zeros, ones and constants', async () => {
  expect(await draw(init.zeros, [2])).toEqual([0, 0]);
  expect(await draw(init.ones, [2])).toEqual([1, 1]);
  expect(await draw(init.constant(0.5), [2])).toEqual([0.5, 0.5]);
});

test('fans of linear, convolution and transposed convolution', () => {
  expect(fans([7, 5])).toEqual({ fanIn: 5, fanOut: 7 });
  expect(fans([8, 3, 5, 2])).toEqual({ fanIn: 30, fanOut: 80 });
  expect(() => fans([3])).toThrow(/at least two axes, got \[3\]/);
});

test('bad options are refused', () => {
  expect(() => init.truncNormal({ low: 1, high: 1 })).toThrow(/high must be .* greater than 1, got 1/);
  expect(() => init.normal(0, -1)).toThrow(/std must be .* got -1/);
  expect(() => init.uniform(1, 0)).toThrow(/high must be .* got 0/);
  expect(() => gain('swish' as never)).toThrow(/unknown nonlinearity "swish"/);
});

describe('initial values depend on the seed and the path alone', () => {
  const net = () => new nn.Sequential(new nn.Linear(3, 4), new nn.Linear(3, 4));
  const weights = async (seed: number) => {
    const bench = new Bench();
    await bench.materialise(net(), seed);
    return {
      first: [...(await bench.store.get('0.weight')).data],
      second: [...(await bench.store.get('1.weight')).data],
    };
  };
  test('same seed, same values; another seed or layer, others', async () => {
    const a = await weights(1);
    expect(await weights(1)).toEqual(a);
    expect((await weights(2)).first).not.toEqual(a.first);
    expect(a.second).not.toEqual(a.first);
  });
});
