import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { checkExport, type Runner } from '../../src/export/check.js';
import { type ExportedNetwork, exportOnnx } from '../../src/export/onnx.js';
import { toHalf } from '../../src/io/onnx/half.js';
import { halfStates, type OnnxFile } from '../../src/io/onnx/index.js';
import * as F from '../../src/nn/functional.js';
import { materialise, readBack } from '../../src/nn/materialise.js';
import { Module } from '../../src/nn/module.js';
import { openOnnx } from '../../src/node/onnxruntime.js';
import type { Tensor } from '../../src/tensor/node.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { native } from '../models/native.js';
import { Draw } from '../tensor/draw.js';
import { forSeeds } from '../tensor/property.js';
import { build, classesOf, VARIANTS, type Variant } from './onnxVariants.js';

/* Every registered network and its variants: onnxruntime gives what the engine gives, for one image and for three. */

const backend = native.backend ?? createReferenceBackend();
afterAll(() => backend.dispose());

/** With weights, and running statistics that are not those of a network nobody trained. */
async function exported(variant: Variant, seed = 3): Promise<ExportedNetwork> {
  const net = build(variant);
  const store = backend.createStore();
  await materialise(net, backend, store, seed);
  await readBack(net, store);
  store.dispose();
  const draw = new Draw(seed, 'float32');
  for (const [path, p] of net.states()) {
    if (path.endsWith('running_mean')) p.value = draw.floats(p.shape, -0.5, 0.5);
    if (path.endsWith('running_var')) p.value = draw.floats(p.shape, 0.5, 2);
  }
  const channels = variant.inputShape[0];
  return {
    net,
    name: variant.name,
    inputShape: variant.inputShape,
    classes: Array.from({ length: classesOf(variant.name) }, (_, i) => `class ${i}`),
    normalize: { mean: [0.3, 0.4, 0.5].slice(0, channels), std: [0.2, 0.25, 0.3].slice(0, channels) },
    task: classesOf(variant.name) === 2 ? 'segmentation' : 'classification',
  };
}

const agreement = async (network: ExportedNetwork, options: Parameters<typeof exportOnnx>[1] = {}) => {
  const file = exportOnnx(network, options);
  const session = await openOnnx(file.bytes);
  try {
    const batches: number[] = [];
    const run: Runner = (image) => {
      batches.push(image.shape[0]!);
      return session.run(image);
    };
    return { file, difference: await checkExport(network, file, run, backend), batches };
  } finally {
    await session.release();
  }
};

describe('networks in onnxruntime', () => {
  it.each(VARIANTS)('$title', async (variant) => {
    const network = await exported(variant);
    const { file, difference, batches } = await agreement(network);
    expect(batches).toEqual([1, 3]);
    expect(difference).toBeLessThan(1e-4);
    // What `test/fixtures/check_onnx.py` looks at.
    const folder = process.env.FOVEA_ONNX_DIR;
    if (folder) writeFileSync(join(folder, `${variant.title.replace(/[^\w.-]+/g, '_')}.onnx`), file.bytes);
  });

  const lenet: Variant = { title: '', name: 'lenet', inputShape: [1, 28, 28], options: {} };
  const unet: Variant = { title: '', name: 'unet', inputShape: [3, 64, 48], options: { width: 1 / 16 } };

  it.each([
    ['lenet', 'nchw', lenet],
    ['lenet', 'nhwc', lenet],
    ['unet', 'nchw', unet],
    ['unet', 'nhwc', unet],
  ] as const)('%s takes bytes, %s', async (_, layout, variant) => {
    const { file } = await agreement(await exported(variant), { preprocess: true, layout });
    const [c, h, w] = variant.inputShape;
    const free = variant === unet;
    const sides = free ? ['height', 'width'] : [h, w];
    expect(file.input).toMatchObject({
      type: 'uint8',
      shape: layout === 'nchw' ? ['batch', c, ...sides] : ['batch', ...sides, c],
    });
  });

  it('a U-Net takes images of any multiple of its stride, one for odd sizes does not', async () => {
    const network = await exported(unet);
    const file = exportOnnx(network);
    expect(file.anySize).toBe(true);
    const session = await openOnnx(file.bytes);
    const other = { ...network, inputShape: [3, 32, 80] as const };
    const difference = await checkExport(other, file, session.run, backend);
    expect(difference).toBeLessThan(1e-4);
    await session.release();
    const odd = exportOnnx(await exported({ ...unet, inputShape: [3, 50, 70] }));
    expect(odd.anySize).toBe(false);
    // Only the one that takes several sizes says which.
    expect([textOf(file).includes('"multiple":16'), textOf(odd).includes('"multiple"')]).toEqual([true, false]);
    expect(exportOnnx(await exported(lenet)).anySize).toBe(false);
  });

  it.each([
    [1, 'sigmoid'],
    [2, 'softmax'],
  ])('masks of %i outputs are scores before %s', async (classes, activation) => {
    const network = await exported({ ...unet, options: { ...unet.options, classes } });
    expect(textOf(exportOnnx(network))).toContain(`Outputs are scores before ${activation}.`);
  });

  it('half precision halves the file, and computes with exactly the rounded weights', async () => {
    const network = await exported(unet);
    const full = exportOnnx(network);
    const file = exportOnnx(network, { half: true });
    expect(file.bytes.length).toBeLessThan(0.55 * full.bytes.length);
    const rounded = halfStates(new Map(Object.entries(network.net.stateDict())));
    for (const [path, p] of network.net.states()) p.value = rounded.get(path);
    const session = await openOnnx(file.bytes);
    const difference = await checkExport(network, file, session.run, backend, 1e-5);
    await session.release();
    expect(difference).toBeLessThan(1e-5);
  });

  it('a file of other weights, or for another size, is found out', async () => {
    const network = await exported(lenet);
    const session = await openOnnx(exportOnnx(await exported(lenet, 4)).bytes);
    const file = exportOnnx(network);
    await expect(checkExport(network, file, session.run, backend)).rejects.toThrow(
      /^the exported file is wrong: for 1 image its output differs from the network's by [\d.e+-]+ of the largest value/,
    );
    await session.release();
    await expect(checkExport(network, file, async () => ({}), backend)).rejects.toThrow(
      /^the exported file is wrong: for 1 image it gives an output \[\], the network gives \[1, 7\]/,
    );
    const nothing = hostTensor(new Float32Array(7).fill(Number.NaN), [1, 7]);
    await expect(checkExport(network, file, async () => ({ logits: nothing }), backend)).rejects.toThrow(/wrong/);
  });

  it('the same network gives the same bytes', async () => {
    const network = await exported(unet);
    expect(Buffer.compare(exportOnnx(network).bytes, exportOnnx(network).bytes)).toBe(0);
  });

  it('a network of any other graph: batch sizes inside reshapes, one axis for the whole batch', async () => {
    const network = { ...(await exported(lenet)), net: own((x) => F.softmax(x.reshape([1, -1]))) };
    expect((await agreement(network)).file.outputs[0]!.shape).toEqual([1, '784*batch']);
  });

  it('a network that does not treat images alike is refused', async () => {
    const network = { ...(await exported(lenet)), net: own((x) => F.slice(x, [0, 0, 0, 0], [1, 1, 28, 28])) };
    expect(() => exportOnnx(network)).toThrow(/^slice takes some of the images of a batch/);
  });
});

const textOf = ({ bytes }: OnnxFile): string => new TextDecoder('latin1').decode(bytes);

const own = (body: (x: Tensor) => Tensor): Module => {
  class Own extends Module {
    forward(x: Tensor): Tensor {
      return body(x);
    }
  }
  return new Own();
};

/** float16 to float32 by its definition. */
const fromHalf = (bits: Uint16Array): Float32Array =>
  Float32Array.from(bits, (h) => {
    const [sign, exponent, fraction] = [h & 0x8000 ? -1 : 1, (h >> 10) & 31, h & 1023];
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });

describe('half precision', () => {
  it('rounds to the nearest, ties to even', () => {
    forSeeds(200, (seed) => {
      const draw = new Draw(seed, 'float32');
      const x = Float32Array.from({ length: 50 }, () => (draw.unit() - 0.5) * 2 ** draw.int(-28, 16));
      const half = toHalf(x, 'x');
      const back = fromHalf(half);
      for (const [i, v] of x.entries()) {
        const error = Math.abs(back[i]! - v);
        for (const step of [-1, 1]) {
          const neighbour = fromHalf(Uint16Array.of(half[i]! + step))[0]!;
          if (Number.isFinite(neighbour) && (half[i]! & 0x7fff) + step >= 0)
            expect(Math.abs(neighbour - v)).toBeGreaterThanOrEqual(error);
        }
      }
    });
    expect([...toHalf(Float32Array.of(0, -0, 1, 2048 + 1, 2048 + 3, 65504, 2 ** -25), 'x')]).toEqual([
      0, 0x8000, 0x3c00, 0x6800, 0x6802, 0x7bff, 0,
    ]);
    expect(() => toHalf(Float32Array.of(65520), 'fc.weight')).toThrow(/^"fc.weight" holds 65520, beyond half/);
    expect(() => toHalf(Float32Array.of(Number.NaN), 'fc.weight')).toThrow(/NaN/);
  });
});
