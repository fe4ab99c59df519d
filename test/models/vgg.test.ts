import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createModel,
  type VGG,
  VGGFeatures,
  type VGGLayer,
  vgg,
  vgg11,
  vgg13,
  vgg16,
  vgg19,
} from '../../src/models/index.js';
import { Linear } from '../../src/nn/layers/linear.js';
import { input } from '../../src/tensor/node.js';

const image = (...shape: number[]) => input('image', shape);

describe('VGG', () => {
  it.each([
    ['A', 9_220_480],
    ['B', 9_404_992],
    ['D', 14_714_688],
    ['E', 20_024_384],
  ] as const)("configuration %s's convolutions have %i parameters", (layers, count) => {
    expect(new VGGFeatures({ layers }).parameterCount()).toBe(count);
  });

  it('counts parameters by the list, for any list of channels and pools', () => {
    const layer = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant('M' as const));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(layer, { maxLength: 6 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 4 }),
        (first, rest, batchNorm, inChannels) => {
          const layers: VGGLayer[] = [first, ...rest];
          let [count, channels, side] = [0, inChannels, 64];
          for (const layer of layers) {
            if (layer === 'M') side = Math.floor(side / 2);
            else {
              count += layer * channels * 9 + layer + (batchNorm ? 2 * layer : 0);
              channels = layer;
            }
          }
          const net = vgg({ layers, batchNorm, inputShape: [inChannels, 64, 64], classes: 5, head: 'small' });
          expect(net.parameterCount()).toBe(count + 5 * channels + 5);
          expect(
            new VGGFeatures({ layers, batchNorm, inChannels }).forward(image(2, inChannels, 64, 64)).shape,
          ).toEqual([2, channels, side, side]);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('has the depth that its name says', () => {
    for (const [make, depth] of [
      [vgg11, 11],
      [vgg13, 13],
      [vgg16, 16],
      [vgg19, 19],
    ] as const)
      expect([...make().parameters().keys()].filter((name) => name.endsWith('weight'))).toHaveLength(depth);
  });

  it('takes one linear layer for images below 64 pixels unless told otherwise', () => {
    const head = (options: object) => createModel('vgg11_bn', { classes: 10, ...options }) as VGG;
    const small = head({ inputShape: [3, 32, 32] });
    expect(small.classifier).toBeInstanceOf(Linear);
    expect(small.parameterCount()).toBe(9_220_480 + 2 * 2752 + 5130);
    expect(head({ inputShape: [3, 64, 63] }).classifier).toBeInstanceOf(Linear);
    expect(head({ inputShape: [3, 64, 64] }).classifier).not.toBeInstanceOf(Linear);
    expect(head({ inputShape: [3, 32, 32], head: 'full', width: 1 / 16 }).classifier).not.toBeInstanceOf(Linear);
    expect(head({ head: 'small' }).classifier).toBeInstanceOf(Linear);
  });

  it('takes images of other sizes than it was made for', () => {
    for (const head of ['full', 'small'] as const)
      expect(
        vgg({ head, width: 1 / 16, classes: 4 })
          .eval()
          .forward(image(2, 3, 33, 70)).shape,
      ).toEqual([2, 4]);
  });

  it('gives a decoder the map before each pool', () => {
    const features = new VGGFeatures({ layers: 'D', width: 1 / 8 });
    const maps = features.stages(image(1, 3, 64, 96));
    expect(maps.map((m) => m.shape.slice(1))).toEqual([
      [8, 64, 96],
      [16, 32, 48],
      [32, 16, 24],
      [64, 8, 12],
      [64, 4, 6],
      [64, 2, 3],
    ]);
    expect(maps.map((m) => m.shape[1])).toEqual(features.stageChannels);
  });

  it('says in one sentence what is wrong', () => {
    const layers = (list: unknown) => () => vgg({ layers: list as VGGLayer[] });
    expect(layers([64, 'M', 'N'])).toThrow(
      'VGG: entry 2 of the channel list is "N", expected a whole number of channels above 0 or \'M\' for a 2x2 max pooling',
    );
    expect(layers([64, -3])).toThrow(/entry 1 of the channel list is -3/);
    expect(layers([64, 1.5])).toThrow(/entry 1 of the channel list is 1.5/);
    expect(layers([])).toThrow(/begins with a convolution's channels/);
    expect(layers(['M', 64])).toThrow(/begins with a convolution's channels/);
    expect(layers('C')).toThrow(/no configuration "C", take one of A, B, D, E/);
    expect(() => createModel('vgg16', { inputShape: [1, 28, 28] })).toThrow(
      'VGG: images of 28x28 are too small for 5 pooling layers, the smallest that works is 32x32: resize or pad them',
    );
    expect(() => vgg16().forward(image(1, 3, 224, 31))).toThrow(/images of 224x31 .* smallest that works is 32x32/);
    expect(() => vgg({ head: 'tiny' as never })).toThrow(/head must be 'full' or 'small', got "tiny"/);
    expect(() => vgg({ classes: 0 })).toThrow(/VGG: classes must be .* got 0/);
    expect(() => vgg({ width: 0 })).toThrow(/VGG: width must be .* greater than 0, got 0/);
    expect(() => vgg({ depth: 16 } as never)).toThrow(/unknown option of VGG "depth"/);
  });

  it('the smallest image that the message names works', () => {
    expect(
      vgg({ width: 1 / 16, inputShape: [3, 32, 32] })
        .eval()
        .forward(image(1, 3, 32, 32)).shape,
    ).toEqual([1, 1000]);
  });
});
