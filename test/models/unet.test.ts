import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createModel, type EncoderUNet, encoderUnet, googlenet, unet, unetPaper, vgg } from '../../src/models/index.js';
import type { Module } from '../../src/nn/module.js';
import { input } from '../../src/tensor/node.js';
import { initialised } from './initialised.js';

const image = (...shape: number[]) => input('image', shape);

describe('U-Net', () => {
  it.each([
    [{}, 31_037_633],
    [{ inChannels: 1 }, 31_036_481],
    [{ classes: 2 }, 31_037_698],
    [{ bilinear: true }, 17_262_977],
    [{ bilinear: true, classes: 2 }, 17_263_042],
  ] as const)('%o has %i parameters', (options, count) => {
    expect(unet(options).parameterCount()).toBe(count);
  });

  it("the paper's takes 572x572 to 388x388 with 31,030,658 parameters", () => {
    const net = unetPaper();
    expect(net.parameterCount()).toBe(31_030_658);
    expect(net.forward(image(1, 1, 572, 572)).shape).toEqual([1, 2, 388, 388]);
  });

  it('gives masks of the image size for any levels, classes and sizes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.tuple(fc.nat(70), fc.nat(70)),
        fc.boolean(),
        (features, classes, inChannels, [h, w], bilinear) => {
          const least = 2 ** (features.length - 1);
          const net = unet({ features, classes, inChannels, bilinear });
          expect(net.forward(image(2, inChannels, least + h, least + w)).shape).toEqual([
            2,
            classes,
            least + h,
            least + w,
          ]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(['vgg11', 'vgg16', 'googlenet'] as const)('on %s gives masks of the image size, also odd ones', (encoder) => {
    for (const bilinear of [false, true]) {
      const net = encoderUnet({ encoder, width: 1 / 16, classes: 2, bilinear });
      for (const [h, w] of [
        [97, 131],
        [64, 64],
        [32, 45],
      ] as const)
        expect(net.forward(image(2, 3, h, w)).shape).toEqual([2, 2, h, w]);
    }
  });

  it.each([
    ['vgg16', () => vgg({ layers: 'D', width: 1 / 16, classes: 7, inputShape: [3, 64, 64] })],
    ['googlenet', () => googlenet({ width: 1 / 16, classes: 7 })],
  ] as const)('takes the weights of a whole %s for its contracting path', async (encoder, make) => {
    const weights = (await initialised(make() as Module)).stateDict();
    const net = encoderUnet({ encoder, width: 1 / 16 });
    net.loadEncoder(weights);
    let taken = 0;
    for (const [path, p] of net.states())
      if (path.startsWith('encoder.')) {
        expect(p.value, path).toBe(weights[path.slice('encoder.'.length)]);
        taken++;
      } else expect(p.value, path).toBeUndefined();
    expect(taken).toBe(Object.keys(weights).filter((name) => !/^(classifier|fc|aux)/.test(name)).length);

    net.freeze('encoder');
    const trained = [...net.parameters()].filter(([, p]) => p.requiresGrad).map(([path]) => path);
    expect(trained.length).toBeGreaterThan(0);
    expect(trained.some((path) => path.startsWith('encoder'))).toBe(false);
  });

  it('refuses the weights of another encoder, naming the first that does not fit', async () => {
    const weights = (await initialised(vgg({ layers: 'A', width: 1 / 16, classes: 7 }))).stateDict();
    expect(() => (createModel('unet_vgg16', { width: 1 / 16 }) as EncoderUNet).loadEncoder(weights)).toThrow(
      /the weights have no "features.2.weight" \[4, 4, 3, 3\], which the network needs/,
    );
    expect(() => (createModel('unet_vgg11', { width: 1 / 8 }) as EncoderUNet).loadEncoder(weights)).toThrow(
      /"features.0.weight" as \[4, 3, 3, 3\], the network needs \[8, 3, 3, 3\]/,
    );
  });

  it.each([
    ['unet', { features: [2, 3, 4] }],
    ['unet', {}],
    ['unet_paper', {}],
    ['unet_paper', { features: [2, 3] }],
    ['unet_vgg11', {}],
    ['unet_googlenet', {}],
  ] as const)('%s %o says the smallest image that works, and that one works', (name, options) => {
    const make = (side: number) => {
      const net = createModel(name, { ...options, width: 1 / 16, inputShape: [3, side, side] }) as Module;
      return net.eval().forward(image(1, 3, side, side)) as { shape: readonly number[] };
    };
    let message = '';
    try {
      make(1);
    } catch (error) {
      message = (error as Error).message;
    }
    const least = Number(/the smallest that works is (\d+)x\1/.exec(message)?.[1]);
    expect(least, message).toBeGreaterThan(1);
    expect(() => make(least - 1)).toThrow(`${least}x${least}`);
    expect(
      make(least)
        .shape.slice(2)
        .every((side) => side > 0),
    ).toBe(true);
  });

  it('says in one sentence what is wrong', () => {
    expect(() => unet({ features: [64] })).toThrow(/at least two levels, such as \[64, 128, 256\], got \[64\]/);
    expect(() => unet({ features: [64, 0] })).toThrow(/U-Net: features\[1\] must be .* got 0/);
    expect(() => unet({ classes: 0 })).toThrow(/U-Net: classes must be .* got 0/);
    expect(() => unet({ padding: 'full' as never })).toThrow(/padding must be 'same' or 'valid', got "full"/);
    expect(() => unet({ inChannels: 0 })).toThrow(/U-Net: inChannels must be .* got 0/);
    expect(() => unet({ levels: 3 } as never)).toThrow(/unknown option of U-Net "levels"/);
    expect(() => encoderUnet({ encoder: 'resnet18' as never })).toThrow(
      /one of vgg11, vgg16, googlenet, got "resnet18"/,
    );
    expect(() => encoderUnet({ encoder: 'vgg11', transformInput: true })).toThrow(/unknown option of U-Net with vgg11/);
    expect(() => unet().forward(image(1, 4, 64, 64))).toThrow(/\[1, 4, 64, 64\]/);
  });
});
