import { describe, expect, it } from 'vitest';
import { CellsDataset } from '../../src/data/cells.js';
import type { Dataset } from '../../src/data/dataset.js';
import { MaskDataset } from '../../src/data/masks.js';
import { MemoryDataset } from '../../src/data/memory.js';
import { ShapesDataset } from '../../src/data/shapes.js';
import { parseLoss } from '../../src/losses/registry.js';
import { createModel } from '../../src/models/index.js';
import { Linear, Module, ReLU, Sequential, Sigmoid } from '../../src/nn/index.js';
import type { Module as Net } from '../../src/nn/module.js';
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';
import type { Tensor } from '../../src/tensor/node.js';
import { ClassCounts, hashOf, imbalance, leakage, offByOne } from '../../src/train/doctor/data.js';
import type { Finding } from '../../src/train/doctor/finding.js';
import type { FitOptions, TrainerOptions } from '../../src/train/options.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { nativeBackend } from './native.js';
import { options, SIDE, stripes, TinyNet } from './support.js';

/** What the doctor says of a real run. */
async function findings(net: Net, data: Dataset, more: Partial<TrainerOptions>, fit: Partial<FitOptions> = {}) {
  const found: Finding[] = [];
  const trainer = new Trainer(net, options(more));
  trainer.on((e) => e.type === 'finding' && found.push(e.finding));
  await trainer.fit(data, { epochs: 8, batchSize: 8, seed: 1, workers: 0, doctor: true, ...fit });
  await trainer.dispose();
  for (const { what, evidence, remedy } of found) {
    expect(evidence).toMatch(/\d/);
    for (const text of [what, remedy]) expect(text.length).toBeGreaterThan(10);
  }
  return found;
}
const names = (found: readonly Finding[]) => found.map((f) => f.ailment);

/** Layers of 16 after one another, with an activation in between. */
class Deep extends Module {
  readonly layers: Sequential;
  constructor(depth: number, activation: () => Module) {
    super();
    const sizes = [SIDE * SIDE, ...Array.from({ length: depth - 1 }, () => 16)];
    const layers = sizes.flatMap((n, i) => [new Linear(n, i + 1 < depth ? 16 : 3), activation()]);
    this.layers = new Sequential(...layers.slice(0, -1));
  }
  forward(x: Tensor): Tensor {
    return this.layers.forward(x.reshape([x.shape[0]!, -1]));
  }
}

const train = stripes(160);
const valid = stripes(48, 1);
const native = nativeBackend();

describe('the doctor', () => {
  it('stays silent where a run is in good health', async () => {
    expect(await findings(new TinyNet(0.1), train, {}, { valid })).toEqual([]);
    expect(await findings(new TinyNet(0), train, { optimizer: adam({ lr: 0.01 }) }, { valid })).toEqual([]);
    expect(await findings(new Deep(3, () => new ReLU()), train, { optimizer: sgd({ lr: 0.05 }) })).toEqual([]);
  });

  it('changes nothing: weights, slots and metrics have the same bits', async () => {
    const run = async (doctor: boolean, backend: TrainerOptions['backend']) => {
      const out = new MemoryStorage();
      const trainer = new Trainer(new TinyNet(), options(backend ? { backend } : {}));
      await trainer.fit(train, { epochs: 4, batchSize: 8, seed: 1, valid, out, doctor });
      return [await out.read('last.safetensors'), await out.read('best.safetensors')];
    };
    expect(await run(true, undefined)).toEqual(await run(false, undefined));
    if (native.backend) expect(await run(true, native.backend)).toEqual(await run(false, native.backend));
  });

  it('names dead ReLUs', async () => {
    const found = await findings(new Deep(4, () => new ReLU()), train, { optimizer: sgd({ lr: 1, momentum: 0.9 }) });
    const dead = found.find((f) => f.ailment === 'dead-relu');
    expect(dead?.what).toMatch(/^all of layers\.\d is dead$/);
    expect(dead?.evidence).toMatch(/^16 of its 16 ReLUs were zero for all of 16 images/);
  });

  it('names a learning rate that is too high, and only that', async () => {
    const shapes = new ShapesDataset({ images: 160, size: 16, seed: 1 });
    const lenet = () => createModel('lenet5', { inputShape: shapes.inputShape, classes: shapes.classes.length });
    const high = { optimizer: sgd({ lr: 0.3, momentum: 0.9 }) };
    const found = await findings(lenet(), shapes, high, { epochs: 4 });
    expect(names(found)).toEqual(['learning-rate-too-high']);
    expect(found[0]!.remedy).toContain('--lr 0.03');
    const right = { optimizer: sgd({ lr: 0.01, momentum: 0.9 }) };
    expect(await findings(lenet(), shapes, right, { epochs: 4 })).toEqual([]);
  });

  it('judges by all steps so far, also where they fill no whole number of epochs', async () => {
    const shapes = new ShapesDataset({ images: 152, size: 16, seed: 1 });
    const lenet = createModel('lenet5', { inputShape: shapes.inputShape, classes: shapes.classes.length });
    const found = await findings(lenet, shapes, { optimizer: sgd({ lr: 0.3, momentum: 0.9 }) }, { epochs: 4 });
    expect(found.map((f) => [f.ailment, f.step])).toEqual([['learning-rate-too-high', 60]]);
    expect(found[0]!.evidence).toContain('after 60 steps');
  });

  it('names exploding gradients', async () => {
    const net = new Deep(6, () => new ReLU());
    for (const [path, p] of net.parameters())
      if (path.endsWith('weight')) p.value = { shape: p.shape, dtype: 'float32', data: wide(p.shape) };
    const found = await findings(net, train, { optimizer: sgd({ lr: 1e-9 }) }, { epochs: 2 });
    expect(names(found)).toContain('exploding-gradients');
  });

  it('names vanishing gradients', async () => {
    const found = await findings(new Deep(12, () => new Sigmoid()), train, { optimizer: sgd({ lr: 0.05 }) });
    expect(names(found)).toContain('vanishing-gradients');
    expect(found.find((f) => f.ailment === 'vanishing-gradients')!.what).toMatch(/layers\.\d+\.weight/);
  });

  it('names a learning rate that is too low', async () => {
    const found = await findings(new TinyNet(0), train, { optimizer: sgd({ lr: 1e-7 }) }, { epochs: 10 });
    expect(names(found)).toEqual(['learning-rate-too-low']);
  });

  it('names empty masks, and stays silent on a U-Net that learns', async () => {
    const cells = new CellsDataset({ images: 16, size: 16, seed: 1 });
    const unet = () => createModel('unet', { inputShape: cells.inputShape, classes: 1, features: [4, 8] });
    const masks = { metrics: [], optimizer: adam({ lr: 0.01 }) };
    const healthy = { ...masks, loss: parseLoss('bce+dice') };
    expect(await findings(unet(), cells, healthy, { epochs: 16, batchSize: 4 })).toEqual([]);
    // Dice over the whole batch has hardly a slope where all is background.
    const net = unet();
    const at = [...net.parameters()].at(-1)!;
    at[1].value = { shape: at[1].shape, dtype: 'float32', data: Float32Array.of(-30) };
    const found = await findings(net, cells, { ...masks, loss: parseLoss('dice') }, { epochs: 16, batchSize: 4 });
    expect(names(found)).toContain('empty-mask');
  });
});

/** Weights several times too large. */
function wide(shape: readonly number[]): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: size }, (_, i) => 12 * Math.sin(i * 12.9898 + size));
}

describe('what the doctor sees in the data', () => {
  const images = (n: number, salt: number) =>
    Uint8Array.from({ length: n * SIDE * SIDE }, (_, i) => (Math.imul(i + 7 * salt, 2654435761) >>> 13) & 255);
  const labelled = (labels: readonly number[], classes: string[], salt = 1) =>
    new MemoryDataset({
      name: 'made up',
      images: images(labels.length, salt),
      labels: Int32Array.from(labels),
      shape: [1, SIDE, SIDE],
      classes,
      normalize: { mean: [0.5], std: [0.5] },
    });
  const many = (n: number, of: (i: number) => number) => Array.from({ length: n }, (_, i) => of(i));

  it('labels that begin at 1', async () => {
    const shifted = labelled(
      many(160, (i) => 1 + (i % 2)),
      ['none', 'cat', 'dog'],
    );
    const found = await findings(new TinyNet(0), shifted, {}, { epochs: 1 });
    expect(names(found)).toContain('labels-off-by-one');
    expect(found[0]!.evidence).toContain('of class 0 (none)');
    // Numbers that do not even fit.
    const counts = new ClassCounts(['a', 'b'], false);
    counts.add([1, 2, 2, 1]);
    expect(offByOne(counts)?.evidence).toContain('from 1 to 2, expected 0 to 1');
    // A few images of many classes prove nothing.
    const few = new ClassCounts(['a', 'b', 'c', 'd'], false);
    few.add([1, 3, 3]);
    expect(offByOne(few)).toBeUndefined();
  });

  it('masks that begin at 1', async () => {
    const area = 16 * 16;
    const masks = Uint8Array.from({ length: 24 * area }, (_, i) => 1 + (i % 3 === 0 ? 1 : 0));
    const data = new MaskDataset({
      name: 'shifted',
      images: Uint8Array.from({ length: 24 * area }, (_, i) => (i * 31) % 251),
      masks,
      shape: [1, 16, 16],
      classes: ['background', 'cell', 'border'],
      normalize: { mean: [0.5], std: [0.5] },
    });
    const net = createModel('unet', { inputShape: [1, 16, 16], classes: 3, features: [4, 8] });
    const found = await findings(net, data, { loss: parseLoss('ce+dice'), metrics: [] }, { epochs: 1 });
    expect(names(found)).toContain('labels-off-by-one');
  });

  it('classes that are far from balanced, unless the loss looks after them', async () => {
    const rare = labelled(
      many(160, (i) => (i % 40 === 0 ? 2 : i % 2)),
      ['many', 'some', 'rare'],
    );
    const found = await findings(new TinyNet(0), rare, {}, { epochs: 3 });
    expect(names(found)).toEqual(['class-imbalance']);
    expect(found[0]!.evidence).toContain('rare 4');
    expect(names(await findings(new TinyNet(0), rare, { loss: parseLoss('focal') }, { epochs: 3 }))).toEqual([]);
    const counts = new ClassCounts(['background', 'vessel'], true);
    counts.add(many(1000, (i) => (i < 5 ? 1 : 0)));
    expect(imbalance(counts, { name: 'bce' })?.evidence).toContain('0.50 %');
    expect(imbalance(counts, { name: 'sum', options: { terms: [{ loss: { name: 'dice' } }] } })).toBeUndefined();
    // The factors of a sum weigh no classes.
    expect(imbalance(counts, parseLoss('bce+0.5*mse').spec)?.evidence).toContain('0.50 %');
    expect(imbalance(counts, parseLoss('bce+0.5*dice').spec)).toBeUndefined();
    expect(imbalance(counts, parseLoss('bce:posWeight=9+mse').spec)).toBeUndefined();
  });

  it('images that are in both sets', async () => {
    const found = await findings(new TinyNet(0), train, {}, { epochs: 1, valid: stripes(10) });
    expect(names(found)).toEqual(['leakage']);
    expect(found[0]!.evidence).toMatch(/^10 of the 10 validation images .* 160 training images/);
    expect(await leakage(train, valid)).toBeUndefined();
    // Pictures of one colour are the same and mean nothing.
    expect(hashOf(new Uint8Array(36).fill(9))).toBeUndefined();
    expect(hashOf(Uint8Array.of(1, 2))).not.toBe(hashOf(Uint8Array.of(2, 1)));
  });
});
