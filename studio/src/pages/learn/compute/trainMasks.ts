import { createReferenceBackend } from '../../../../../src/backends/reference/index.js';
import { CellsDataset } from '../../../../../src/data/cells.js';
import { bceWithLogits } from '../../../../../src/losses/elementwise.js';
import { sum } from '../../../../../src/losses/loss.js';
import { dice } from '../../../../../src/losses/overlap.js';
import { adam } from '../../../../../src/optim/adam.js';
import { hostTensor } from '../../../../../src/tensor/shape.js';
import { Trainer } from '../../../../../src/train/trainer.js';
import { overlap } from './overlap.js';
import { SmallUNet } from './smallUnet.js';

/** Side of the images. */
export const SIDE = 64;
const FEATURES = [4, 8, 16, 32];
const BATCH = 4;
/** Images that no step sees; the masks are predicted for them. */
export const HELD_OUT = 8;
/** Steps from one look at the masks to the next. */
const EVERY = 5;

/** What the masks of the held-out images are like by now. */
export interface Masks {
  readonly step: number;
  /** Probabilities, HELD_OUT x SIDE x SIDE. */
  readonly values: Float32Array;
  /** Of all held-out images together, at a threshold of 0.5. */
  readonly iou: number;
}

export interface MaskTraining {
  readonly skips: boolean;
  readonly steps: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  onStep(step: number, loss: number): void;
  onMasks(masks: Masks): void;
}

/** Images and masks that are looked at: bytes, image after image. */
export function heldOut(): { images: Uint8Array; masks: Uint8Array } {
  const data = new CellsDataset({ images: HELD_OUT, size: SIDE, seed: 2, noise: 0.03 });
  const images = new Uint8Array(HELD_OUT * SIDE * SIDE);
  const masks = new Uint8Array(HELD_OUT * SIDE * SIDE);
  for (let i = 0; i < HELD_OUT; i++) {
    const { image, target } = data.get(i);
    images.set(image, i * SIDE * SIDE);
    masks.set(target as Uint8Array, i * SIDE * SIDE);
  }
  return { images, masks };
}

/** Trains a small U-Net on generated cells with the reference backend, each image seen once. */
export async function trainMasks({ skips, steps, seed, signal, onStep, onMasks }: MaskTraining): Promise<void> {
  const train = new CellsDataset({ images: steps * BATCH, size: SIDE, seed: seed + 100, noise: 0.03 });
  const trainer = new Trainer(new SmallUNet(FEATURES, skips), {
    loss: sum(bceWithLogits(), dice()),
    optimizer: adam({ lr: 0.01 }),
    backend: createReferenceBackend(),
  });
  const { images, masks } = heldOut();
  const image = hostTensor(images, [HELD_OUT, 1, SIDE, SIDE]);
  const look = async (step: number) => {
    const { data } = await trainer.predict(image);
    const values = Float32Array.from(data, (logit) => 1 / (1 + Math.exp(-logit)));
    onMasks({ step, values, iou: overlap(values, masks, 0.5).iou });
  };
  const looks: Promise<void>[] = [];
  trainer.on((event) => {
    if (event.type !== 'step') return;
    onStep(event.step, event.loss);
    if (event.step % EVERY === 0 || event.step === 1 || event.step === steps) looks.push(look(event.step));
  });
  try {
    await trainer.fit(train, { epochs: 1, batchSize: BATCH, seed, workers: 0, ...(signal ? { signal } : {}) });
    await Promise.all(looks);
  } finally {
    await trainer.dispose();
  }
}
