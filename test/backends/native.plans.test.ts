import { afterAll, describe, expect, test } from 'vitest';
import { createNativeBackend } from '../../src/backends/native/index.js';
import { parseLoss } from '../../src/losses/registry.js';
import { createModel, modelEntry, modelNames } from '../../src/models/index.js';
import type { ImageShape } from '../../src/models/registry.js';
import { sgd } from '../../src/optim/index.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { apply, input } from '../../src/tensor/node.js';
import { hostTensor, numel } from '../../src/tensor/shape.js';
import { Session } from '../../src/train/session.js';
import { buildPrediction, buildTrainStep } from '../../src/train/step.js';
import { hasWinograd } from './winograd.js';

const backend = createNativeBackend();
afterAll(() => backend.dispose());

interface Case {
  readonly name: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly inputShape?: ImageShape;
  readonly batch?: number;
  readonly exact?: boolean;
  readonly mode: 'train' | 'infer';
}

/** Steps of the program of a training step or a prediction; compiled, not run. */
async function plan({ name, options, batch = 2, exact = false, mode, ...given }: Case) {
  const entry = modelEntry(name);
  const inputShape = given.inputShape ?? entry.inputShape;
  const net = createModel(name, { inputShape, ...options });
  const masks = entry.task === 'segmentation';
  const loss = parseLoss(!masks ? 'cross-entropy' : entry.classes === 1 ? 'bce+dice' : 'ce+dice');
  const { outputWeights } = net;
  const objective = { net, loss, metrics: [], normalize: { mean: [], std: [] }, outputWeights };
  const image = { shape: [batch, ...inputShape], dtype: 'float32' } as const;
  const target = masks
    ? ({ shape: [batch, inputShape[1], inputShape[2]], dtype: 'uint8' } as const)
    : ({ shape: [batch], dtype: 'int32' } as const);
  const session = new Session(net, backend, { exact });
  try {
    const optimizer = sgd({ lr: 0.1, momentum: 0.9 });
    const spec =
      mode === 'train'
        ? buildTrainStep(objective, { image, target }, optimizer).spec
        : buildPrediction(objective, image);
    const program = (await session.compile(mode, spec)) as Awaited<ReturnType<typeof backend.compile>>;
    const steps = program.describe();
    program.dispose();
    return steps;
  } finally {
    session.dispose();
  }
}

/** The plain loops of oneDNN, which are tens of times slower than its kernels. */
const isPlain = ({ impl }: { impl: string }) => /(^|[^a-z])ref([^a-z]|$)/.test(impl);
const isWinograd = ({ impl }: { impl: string }) => impl.includes('wino');

describe('no plan falls back on plain loops', () => {
  const variants: Omit<Case, 'mode'>[] = [
    ...modelNames().map((name) => ({ name })),
    { name: 'vgg11_bn', inputShape: [3, 32, 32], batch: 32, options: { classes: 10 } },
    { name: 'vgg16', inputShape: [3, 64, 64], batch: 5, options: { classes: 10 } },
    { name: 'googlenet', inputShape: [3, 96, 96], batch: 3, options: { classes: 7 } },
    { name: 'lenet5', inputShape: [3, 32, 32], batch: 1 },
    { name: 'unet', inputShape: [1, 80, 112], batch: 3, options: { bilinear: true, classes: 3 } },
    { name: 'unet', inputShape: [3, 64, 64], options: { features: [10, 20, 40] } },
  ];
  for (const variant of variants)
    for (const mode of ['train', 'infer'] as const) {
      const { name, inputShape, options } = variant;
      const words = [name, inputShape?.join('x'), options && JSON.stringify(options), mode].filter(Boolean);
      test(words.join(' '), async () => {
        const steps = await plan({ ...variant, mode });
        expect(steps.length).toBeGreaterThan(5);
        const plain = steps.filter(isPlain).map((s) => `${s.phase} ${s.label} ${s.op} ${s.impl}`);
        expect(plain).toEqual([]);
      });
    }
});

describe('exact', () => {
  test.skipIf(!hasWinograd)('without it VGG, GoogLeNet and U-Net take Winograd', async () => {
    for (const name of ['vgg11', 'googlenet', 'unet'])
      for (const mode of ['train', 'infer'] as const)
        expect((await plan({ name, mode })).some(isWinograd), `${name} ${mode}`).toBe(true);
  });

  test('with it none does', async () => {
    for (const name of ['vgg11', 'googlenet', 'unet'])
      for (const mode of ['train', 'infer'] as const) {
        const steps = await plan({ name, mode, exact: true });
        expect(steps.filter(isWinograd)).toEqual([]);
        expect(steps.filter(isPlain)).toEqual([]);
      }
  });
});

describe.skipIf(!hasWinograd)('weights as Winograd needs them', () => {
  /** What a 3x3 convolution for inference takes beside the store, once it has run: MiB. */
  async function taken(channels: number, size: number) {
    const [x, w] = [
      [4, channels, size, size],
      [channels, channels, 3, 3],
    ] as const;
    const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
    const store = backend.createStore();
    try {
      await store.set('w', hostTensor(new Float32Array(numel(w)), w));
      const weights = apply('state', [], { name: 'w', shape: w, dtype: 'float32' });
      const y = apply('conv2d', [input('x', x), weights], attrs).mean();
      const program = await backend.compile(buildGraph({ outputs: { y } }), store);
      await program.run({ x: hostTensor(new Float32Array(numel(x)), x) });
      return { winograd: program.describe().some(isWinograd), mebibytes: program.memoryBytes / 2 ** 20 };
    } finally {
      store.dispose();
    }
  }

  test('are kept for 512 to 512 channels: they and as much scratch at least', async () => {
    const { winograd, mebibytes } = await taken(512, 16);
    expect(winograd).toBe(true);
    expect(mebibytes).toBeGreaterThan(2 * 36);
  });

  test('are not for 1024 to 1024, where they would take 144 MiB', async () => {
    const plain = 36;
    const { mebibytes } = await taken(1024, 8);
    expect(mebibytes).toBeLessThan(2 * plain);
  });
});
