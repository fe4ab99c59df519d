import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { networkFor, recognise } from '../../src/io/layouts/index.js';
import { readTensors } from '../../src/io/read.js';
import { createModel } from '../../src/models/index.js';
import { materialise } from '../../src/nn/materialise.js';
import type { Module } from '../../src/nn/module.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { input, type Tensor } from '../../src/tensor/node.js';
import { type HostTensor, hostTensor } from '../../src/tensor/shape.js';
import { weightsFor } from '../../src/train/weights.js';
import { images } from '../models/formula.js';
import { weightFile } from './pickles.js';

interface Case {
  readonly input: number[];
  readonly shape: number[];
  readonly output: number[];
}
const { networks } = JSON.parse(new TextDecoder().decode(weightFile('expected.json'))) as {
  networks: Record<string, Case>;
};

async function outputOf(net: Module, weights: ReadonlyMap<string, HostTensor>, shape: number[]): Promise<HostTensor> {
  for (const [path, parameter] of net.states()) parameter.value = weights.get(path);
  const backend = createReferenceBackend();
  const store = backend.createStore();
  await materialise(net.eval(), backend, store);
  const output = net.forward(input('image', shape)) as Tensor;
  const program = await backend.compile(buildGraph({ outputs: { output } }), store);
  return (await program.run({ image: images(shape) })).output!;
}

const known: Readonly<Record<string, readonly [model: string, layout: string, classes: number, options: object]>> = {
  'vgg11.pth': ['vgg11', 'torchvision', 5, { width: 1 / 64, head: 'full' }],
  'vgg13_bn.pth': ['vgg13_bn', 'torchvision', 5, { width: 1 / 64, head: 'full' }],
  'googlenet.pth': ['googlenet', 'torchvision', 4, { width: 1 / 16 }],
  'googlenet_noaux.safetensors': ['googlenet', 'torchvision', 4, { width: 1 / 16, auxLogits: false }],
  'unet.pth': ['unet', 'milesial/Pytorch-UNet', 2, { features: [2, 4, 8, 16, 32] }],
  'unet_bilinear.pth': ['unet', 'milesial/Pytorch-UNet', 1, { features: [2, 4, 8, 16, 32], bilinear: true }],
  'unet_old.pth': ['unet', "milesial/Pytorch-UNet's first names", 1, { features: [2, 4, 8, 16, 32] }],
  'unet_brain.pth': ['unet', 'mateuszbuda/brain-segmentation-pytorch', 1, { features: [2, 4, 8, 16, 32] }],
  'unet_lists.pth': ['unet', expect.stringContaining('downs, ups'), 1, { features: [2, 4, 8, 16, 32] }],
};

describe('weights of PyTorch networks', () => {
  it.each(Object.entries(networks))(
    '%s is recognised and gives what PyTorch gives',
    async (name, { input, shape, output }) => {
      const { tensors } = readTensors(weightFile(name), name);
      const found = recognise(tensors, name);
      const [model, layout, classes, options] = known[name]!;
      expect(found.model).toEqual({ name: model, options });
      expect([found.layout, found.classes, found.head]).toEqual([layout, classes, true]);
      const net = networkFor(found);
      const result = await outputOf(net, weightsFor(net, found.weights, name), input);
      expect(result.shape).toEqual(shape);
      const largest = Math.max(...output.map(Math.abs));
      for (const [i, v] of output.entries()) expect(Math.abs(result.data[i]! - v) / largest).toBeLessThan(1e-5);
    },
  );

  it('tells what full networks are from names and shapes alone', () => {
    for (const name of ['vgg11', 'vgg13_bn', 'vgg16', 'vgg19_bn', 'googlenet', 'unet', 'unet_paper']) {
      const net = createModel(name);
      const shapes = new Map(
        [...net.states()].map(([path, p]) => [path, { shape: p.shape, dtype: p.dtype, data: new Float32Array(0) }]),
      );
      const found = recognise(shapes, 'x.pth');
      expect(found.model.name).toBe(name);
      const same = networkFor(found);
      expect([...same.states()].map(([path, p]) => [path, p.shape])).toEqual(
        [...net.states()].map(([path, p]) => [path, p.shape]),
      );
    }
  });

  it("knows the file of torchvision's published GoogLeNet by its name", () => {
    const { tensors } = readTensors(weightFile('googlenet.pth'), 'x');
    expect(recognise(tensors, 'a/googlenet-1378be20.pth').model.options).toMatchObject({ transformInput: true });
    expect(recognise(tensors, 'a/my-googlenet.pth').model.options).not.toHaveProperty('transformInput');
  });

  it('says in one sentence what it does not know', () => {
    const some = new Map([['blocks.0.attn.weight', hostTensor(new Float32Array(4), [2, 2])]]);
    expect(() => recognise(some, 'vit.pth')).toThrow(
      'vit.pth holds weights of no network that is known by its names (they begin with "blocks.0.attn.weight" [2, 2]): say which one it is with --model NAME',
    );
    const { tensors } = readTensors(weightFile('vgg11.pth'), 'vgg11.pth');
    expect(() => recognise(tensors, 'vgg11.pth', { model: { name: 'vgg16' } })).toThrow(
      'vgg11.pth holds the weights of vgg11, not of vgg16',
    );
    expect(() => readTensors(new Uint8Array(100), 'photo.jpg')).toThrow('photo.jpg is neither a safetensors file nor');
  });
});
