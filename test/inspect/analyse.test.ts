import { describe, expect, it } from 'vitest';
import { analyse, foldLayers } from '../../src/inspect/index.js';
import { createModel, modelEntry, modelNames } from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import { adam, sgd } from '../../src/optim/index.js';
import type { Tensor } from '../../src/tensor/node.js';
import { Shared, Small } from './networks.js';

const of = (name: string, options = {}) =>
  analyse(createModel(name, options), { inputShape: modelEntry(name).inputShape, batch: 2 });
const layer = (analysis: ReturnType<typeof analyse>, path: string) => analysis.layers.find((l) => l.path === path)!;

describe('multiply-adds', () => {
  it('are those that are published', () => {
    // Simonyan & Zisserman's networks and torchvision's GoogLeNet, as counted by torchvision (vision/models docs).
    expect(of('vgg11').multiplyAdds / 1e9).toBeCloseTo(7.61, 2);
    expect(of('vgg13').multiplyAdds / 1e9).toBeCloseTo(11.31, 2);
    expect(of('vgg16').multiplyAdds / 1e9).toBeCloseTo(15.47, 2);
    expect(of('vgg19').multiplyAdds / 1e9).toBeCloseTo(19.63, 2);
    expect(of('googlenet').multiplyAdds / 1e9).toBeCloseTo(1.5, 2);
  });

  it('of LeNet-5 are those of its layers', () => {
    const analysis = of('lenet5');
    expect(layer(analysis, 'features.0').multiplyAdds).toBe(6 * 28 * 28 * 25);
    expect(layer(analysis, 'features.3').multiplyAdds).toBe(16 * 10 * 10 * 6 * 25);
    expect(layer(analysis, 'classifier.1').multiplyAdds).toBe(400 * 120);
    expect(analysis.multiplyAdds).toBe(117_600 + 240_000 + 48_000 + 10_080 + 840);
  });

  it('count groups and transposed convolutions', () => {
    const net = new nn.Sequential(
      new nn.Conv2d(4, 8, { kernel: 3, groups: 2, stride: 2 }),
      new nn.ConvTranspose2d(8, 6, { kernel: [2, 4], stride: 2, groups: 2 }),
    );
    const { layers } = analyse(net, { inputShape: [4, 9, 7] });
    // [4, 9, 7] -> [8, 4, 3] -> [6, 8, 8]
    expect(layers[0]!.multiplyAdds).toBe(8 * 4 * 3 * (4 / 2) * 9);
    expect(layers[1]!.multiplyAdds).toBe(8 * 4 * 3 * (6 / 2) * 8);
  });
});

describe('every registered network', () => {
  it.each(modelNames())('%s: lines add up to the whole', (name) => {
    const { inputShape } = modelEntry(name);
    const net = createModel(name);
    const before = [...net.modules()].map(([, m]) => m.training);
    const analysis = analyse(net, { inputShape, batch: 2 });
    expect([...net.modules()].map(([, m]) => m.training)).toEqual(before);
    const sum = (pick: (l: (typeof analysis.layers)[number]) => number) =>
      analysis.layers.reduce((s, l) => s + pick(l), 0);
    expect(sum((l) => l.parameters)).toBe(net.parameterCount());
    expect(sum((l) => (l.trainingOnly ? 0 : l.multiplyAdds))).toBe(analysis.multiplyAdds);
    expect(sum((l) => l.share)).toBeCloseTo(1, 9);
    expect(analysis.parameters).toBe(net.parameterCount());
    // Paths are the names of the parameters.
    for (const path of net.parameters().keys())
      expect(analysis.layers.some((l) => path.startsWith(`${l.path}.`))).toBe(true);
  });

  it('says what training alone uses', () => {
    const analysis = of('googlenet');
    expect(analysis.parameters).toBe(13_004_888);
    expect(analysis.inferenceParameters).toBe(6_624_904);
    expect(layer(analysis, 'aux1.fc1').trainingOnly).toBe(true);
    expect(layer(analysis, 'fc').trainingOnly).toBe(false);
    expect(of('googlenet', { auxLogits: false }).parameters).toBe(6_624_904);
  });
});

describe('receptive fields', () => {
  it('of VGG16 are the known ones', () => {
    // conv5_3 and pool5 in the tables of Luo et al. and of Araujo et al.
    const vgg = of('vgg16');
    expect(layer(vgg, 'features.28')).toMatchObject({ receptiveField: [196, 196], stride: [16, 16] });
    expect(layer(vgg, 'features.30')).toMatchObject({
      receptiveField: [212, 212],
      stride: [32, 32],
      wholeImage: false,
    });
    expect(layer(vgg, 'classifier.0').wholeImage).toBe(true);
  });
});

describe('rows', () => {
  it('name what a network does outside of its layers', () => {
    const analysis = analyse(new Small(), { inputShape: [2, 8, 6] });
    expect(analysis.layers.map((l) => [l.path, l.kind])).toEqual([
      ['conv', 'Conv2d'],
      ['bn', 'BatchNorm2d'],
      ['', 'relu'],
      ['', 'maxPool2d'],
      ['', 'reshape'],
      ['drop', 'Dropout'],
      ['fc', 'Linear'],
    ]);
    expect(layer(analysis, 'bn')).toMatchObject({
      outputShape: [3, 8, 6],
      activationBytes: 3 * 8 * 6 * 4,
      parameters: 6,
    });
    expect(layer(analysis, 'fc')).toMatchObject({ outputShape: [5], parameters: 36 * 5 + 5, multiplyAdds: 36 * 5 });
    expect(layer(analysis, 'drop').activationBytes).toBe(0);
  });

  it('count a layer that is called twice twice, and its parameters once', () => {
    const analysis = analyse(new Shared(), { inputShape: [3, 5, 4] });
    expect(analysis.parameters).toBe(84);
    expect(analysis.layers.filter((l) => l.path === 'conv')).toHaveLength(1);
    expect(layer(analysis, 'conv')).toMatchObject({ parameters: 84, multiplyAdds: 2 * 3 * 5 * 4 * 27 });
  });

  it('hold the parameters of a part that nothing uses', () => {
    class Forgetful extends nn.Module {
      readonly used = new nn.Conv2d(1, 2, { kernel: 1 });
      readonly unused = new nn.Linear(3, 4);
      forward(x: Tensor): Tensor {
        return this.used.forward(x);
      }
    }
    const analysis = analyse(new Forgetful(), { inputShape: [1, 4, 4] });
    expect(analysis.inferenceParameters).toBe(4);
    expect(layer(analysis, 'unused')).toMatchObject({ parameters: 16, detail: 'not used' });
  });

  it('fold at a depth without losing anything', () => {
    const net = createModel('googlenet');
    const { layers } = analyse(net, { inputShape: [3, 224, 224], batch: 1 });
    const modules = new Map(net.modules());
    const folded = foldLayers(layers, 1, (p) => modules.get(p)?.constructor.name);
    expect(folded.length).toBeLessThan(30);
    expect(folded.reduce((s, l) => s + l.parameters, 0)).toBe(13_004_888);
    expect(folded.find((l) => l.path === 'inception4c')).toMatchObject({
      outputShape: [512, 14, 14],
      kind: 'Inception',
    });
  });

  it('name the layer that an image does not fit', () => {
    expect(() => analyse(new Small(), { inputShape: [2, 9, 9] })).toThrow(/fc.*36/);
    expect(() => analyse(createModel('lenet'), { inputShape: [3, 28, 28] })).toThrow(/features\.0/);
  });
});

describe('training memory', () => {
  const net = () =>
    new nn.Sequential(
      new nn.Conv2d(2, 3, { kernel: 3, padding: 1 }),
      new nn.ReLU(),
      new nn.Flatten(),
      new nn.Linear(3 * 20, 4),
    );
  const parameters = 3 * 2 * 9 + 3 + 60 * 4 + 4;

  it('is what forward keeps for backward, with parameters, gradients and slots', () => {
    const batch = 7;
    const { training } = analyse(net(), { inputShape: [2, 5, 4], batch, optimizer: adam() });
    expect(training).toMatchObject({ batch, parameterBytes: 4 * parameters, gradientBytes: 4 * parameters });
    expect(training.optimizerBytes).toBe(8 * parameters);
    // Only the activation is read again (by the linear layer's gradient, and for its sign): the convolution's own
    // output is overwritten by it.
    expect(training.keptBytes).toBe(4 * batch * 60);
    expect(training.activationBytes).toBeGreaterThanOrEqual(training.keptBytes + 4 * batch * 4);
    const { parameterBytes, gradientBytes, optimizerBytes, activationBytes, totalBytes } = training;
    expect(totalBytes).toBe(parameterBytes + gradientBytes + optimizerBytes + activationBytes);
  });

  it('grows with the batch, and frozen parameters have no gradients', () => {
    const of = (batch: number) =>
      analyse(net(), { inputShape: [2, 5, 4], batch, optimizer: sgd({ momentum: 0.9 }) }).training;
    expect(of(8).keptBytes).toBe(2 * of(4).keptBytes);
    expect(of(4).optimizerBytes).toBe(4 * parameters);
    const frozen = net();
    frozen.freeze('0');
    const { training } = analyse(frozen, { inputShape: [2, 5, 4], batch: 4, optimizer: sgd({ momentum: 0.9 }) });
    expect(training.gradientBytes).toBe(4 * (60 * 4 + 4));
  });
});
