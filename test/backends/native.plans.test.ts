import { afterAll, describe, expect, test } from 'vitest';
import { createNativeBackend, nativeInfo } from '../../src/backends/native/index.js';
import { parseLoss } from '../../src/losses/registry.js';
import { createModel, modelEntry, modelNames } from '../../src/models/index.js';
import type { ImageShape } from '../../src/models/registry.js';
import { sgd } from '../../src/optim/index.js';
import { Session } from '../../src/train/session.js';
import { buildPrediction, buildTrainStep } from '../../src/train/step.js';

const backend = createNativeBackend();
afterAll(() => backend.dispose());
const info = nativeInfo();
/** Only oneDNN 2 has Winograd convolutions, and only for AVX-512. */
const hasWinograd = info.ok && info.isa === 'AVX-512' && info.dnnl.startsWith('2.');

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
