import { describe, expect, it } from 'vitest';
import { createModel } from '../../src/models/index.js';
import { startFrom } from '../../src/train/start.js';
import { namedFor, readWeights } from '../../src/train/weightsFile.js';
import { weightFile } from '../io/pickles.js';

const weightsOf = (name: string) => readWeights(weightFile(name), name).weights;
const start = (model: string, options: object, file: string) => {
  const net = createModel(model, { ...options });
  return { net, ...startFrom(net, weightsOf(file), file) };
};
const VGG = { width: 1 / 64, inputShape: [3, 64, 64] } as const;
const GOOGLENET = { width: 1 / 16, inputShape: [3, 64, 64] } as const;

describe('training from the weights of another network', () => {
  it('takes everything where all fits, and a head for other classes is new', () => {
    const same = start('vgg11', { ...VGG, classes: 5 }, 'vgg11.pth');
    expect([same.fresh, same.news, same.unused, same.taken.length]).toEqual([[], [], [], 22]);
    const { fresh, news, taken, net } = start('vgg11', { ...VGG, classes: 2 }, 'vgg11.pth');
    expect(fresh).toEqual(['classifier.6.weight', 'classifier.6.bias']);
    expect(news).toEqual(['classifier.6 (2 outputs instead of 5)']);
    expect(taken).toHaveLength(20);
    // What is new keeps its initialiser.
    const states = net.states();
    expect(states.get('classifier.6.weight')!.value).toBeUndefined();
    expect(states.get('features.0.weight')!.value).toEqual(weightsOf('vgg11.pth').get('features.0.weight'));
  });

  it('makes heads that the file lacks, and leaves out those that the network lacks', () => {
    const without = start('googlenet', { ...GOOGLENET, classes: 4 }, 'googlenet_noaux.safetensors');
    expect(without.news).toEqual(['aux1', 'aux2']);
    const other = start('googlenet', { ...GOOGLENET, classes: 4, auxLogits: false }, 'googlenet.pth');
    expect(other.news).toEqual([]);
    expect(other.unused.every((name) => /^aux[12]\./.test(name))).toBe(true);
    const classes = start('googlenet', { ...GOOGLENET, classes: 3 }, 'googlenet.pth');
    expect(classes.news).toEqual(['aux1.fc2', 'aux2.fc2', 'fc'].map((layer) => `${layer} (3 outputs instead of 4)`));
  });

  it('gives a classifier to the encoder of a U-Net', () => {
    const { taken, news, net } = start('unet_vgg11', { width: 1 / 64 }, 'vgg11.pth');
    expect(taken.every((path) => path.startsWith('encoder.features.'))).toBe(true);
    expect(taken).toHaveLength(16);
    expect(news).toEqual(['center', 'up1', 'up2', 'up3', 'up4', 'up5', 'outc']);
    expect(net.states().get('encoder.features.0.bias')!.value!.data).toEqual(
      weightsOf('vgg11.pth').get('features.0.bias')!.data,
    );
  });

  it('translates the names of other U-Nets', () => {
    const features = [2, 4, 8, 16, 32];
    for (const file of ['unet_old.pth', 'unet_brain.pth', 'unet_lists.pth']) {
      const { fresh, unused } = start('unet', { features }, file);
      expect([file, fresh, unused]).toEqual([file, [], []]);
    }
    expect(start('unet', { features, classes: 3 }, 'unet_lists.pth').news).toEqual([
      'outc.conv (3 outputs instead of 1)',
    ]);
  });

  it.each([
    [
      'vgg13',
      VGG,
      'vgg11.pth',
      /^vgg11\.pth does not fit the network: it has no "features\.2\.weight" \[1, 1, 3, 3\]; .* more differences$/,
    ],
    [
      'vgg11',
      { ...VGG, width: 1 / 32 },
      'vgg11.pth',
      /"features\.0\.weight" is \[1, 3, 3, 3\] there and \[2, 3, 3, 3\] here; .*; and \d+ more differences$/,
    ],
    [
      'unet',
      { features: [2, 4] },
      'unet.pth',
      /"up1\.up\.weight" is \[32, 16, 2, 2\] there and \[4, 2, 2, 2\] here; .* more differences$/,
    ],
    ['lenet5', {}, 'unet.pth', /does not fit the network/],
  ] as const)('refuses %s %j from %s in one sentence', (model, options, file, message) => {
    const net = createModel(model, { ...(options as object) });
    expect(() => startFrom(net, weightsOf(file), file)).toThrow(message);
    // Nothing was taken.
    expect([...net.states().values()].every((p) => p.value === undefined)).toBe(true);
  });

  it('prefers the names that a network has to any translation', () => {
    const weights = weightsOf('vgg11.pth');
    expect(namedFor(createModel('vgg11', VGG), weights)).toBe(weights);
  });
});
