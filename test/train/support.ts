import { MemoryDataset } from '../../src/data/memory.js';
import { crossEntropy } from '../../src/losses/index.js';
import { accuracy } from '../../src/metrics/index.js';
import { Module } from '../../src/nn/module.js';
import { Buffer, Parameter } from '../../src/nn/parameter.js';
import { currentRng, currentTrace } from '../../src/nn/trace.js';
import { sgd } from '../../src/optim/sgd.js';
import { apply, full, type Tensor } from '../../src/tensor/node.js';
import type { EpochRecord } from '../../src/train/events.js';
import type { TrainerOptions } from '../../src/train/options.js';
import type { Storage } from '../../src/train/storage.js';

export const SIDE = 6;

const small = (_: readonly number[], random: (d: 'normal') => Tensor) => random('normal').mul(0.2);

/** A convolution, dropout, a running mean (a buffer that training moves) and a linear layer: [N, 1, 6, 6] -> [N, 3]. */
export class TinyNet extends Module {
  readonly conv: Conv;
  readonly fc: Linear;
  readonly seen = new Buffer([4], (shape) => full(shape, 0), { name: 'running_mean' });

  constructor(
    readonly dropout = 0.25,
    channels = 4,
  ) {
    super();
    this.conv = new Conv(channels);
    this.fc = new Linear(channels * 16);
  }

  forward(x: Tensor): Tensor {
    let h = this.conv.forward(x);
    if (this.training) {
      const mean = h.mean([0, 2, 3]);
      currentTrace()?.updates.set(this.seen.path, this.seen.mul(0.9).add(mean.mul(0.1)));
      if (this.dropout > 0) h = apply('dropout', [h, currentRng()], { p: this.dropout, stream: 7 });
    }
    return this.fc.forward(h);
  }
}

class Conv extends Module {
  readonly weight: Parameter;
  constructor(channels: number) {
    super();
    this.weight = new Parameter([channels, 1, 3, 3], small);
  }
  forward(x: Tensor): Tensor {
    const y = apply('conv2d', [x, this.weight], { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 });
    return apply('relu', [y], {});
  }
}

class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  constructor(features: number) {
    super();
    this.weight = new Parameter([3, features], small);
    this.bias = new Parameter([3], (shape) => full(shape, 0));
  }
  forward(x: Tensor): Tensor {
    const flat = x.reshape([x.shape[0]!, -1]);
    return apply('matmul', [flat, this.weight, this.bias], { transposeA: false, transposeB: true });
  }
}

/** Images whose brighter third says the class, with noise: learnable in a few steps, not trivial. */
export function stripes(length: number, salt = 0): MemoryDataset {
  const images = new Uint8Array(length * SIDE * SIDE);
  const labels = new Int32Array(length);
  let state = 12345 + salt;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x80000000;
  for (let i = 0; i < length; i++) {
    const label = Math.floor(random() * 3);
    labels[i] = label;
    for (let p = 0; p < SIDE * SIDE; p++)
      images[i * SIDE * SIDE + p] = Math.floor(random() * 130 + (Math.floor((p % SIDE) / 2) === label ? 110 : 0));
  }
  return new MemoryDataset({
    name: 'stripes',
    images,
    labels,
    shape: [1, SIDE, SIDE],
    classes: ['left', 'middle', 'right'],
    normalize: { mean: [0.4], std: [0.3] },
  });
}

export const options = (more: Partial<TrainerOptions> = {}): TrainerOptions => ({
  loss: crossEntropy(),
  optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
  metrics: [accuracy()],
  ...more,
});

/** As it comes back from a file. */
export const json = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** The records of `metrics.jsonl`. */
export async function records(storage: Storage): Promise<EpochRecord[]> {
  const text = new TextDecoder().decode(await storage.read('metrics.jsonl'));
  if (text !== '' && !text.endsWith('\n')) throw new Error(`metrics.jsonl ends in half a line: ${text}`);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as EpochRecord);
}

/** Records without what depends on the clock. */
export const timeless = (history: readonly EpochRecord[]): unknown[] =>
  history.map(({ seconds: _, imagesPerSecond: __, ...rest }) => rest);
