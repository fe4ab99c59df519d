import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { mse } from '../../src/losses/index.js';
import type { Loss } from '../../src/losses/loss.js';
import * as nn from '../../src/nn/index.js';
import { Parameter } from '../../src/nn/parameter.js';
import { sgd } from '../../src/optim/sgd.js';
import { apply, full, type Tensor } from '../../src/tensor/node.js';
import { findLr } from '../../src/train/findLr.js';
import { Trainer } from '../../src/train/trainer.js';
import { nativeBackend } from './native.js';
import { options, stripes, TinyNet } from './support.js';

const native = nativeBackend();
const backends: [string, () => Backend | undefined][] = [
  ['reference', () => createReferenceBackend()],
  ['native', () => native.backend],
];

/** One number w, whatever the images: with the loss below a parabola, 5 w^2, of which everything is known. */
class OneNumber extends nn.Module {
  readonly w = new Parameter([1], (shape) => full(shape, 1));
  forward(x: Tensor): Tensor {
    const zeros = x.mul(0).reshape([x.shape[0]!, -1]).sum([1]).reshape([x.shape[0]!, 1]);
    return zeros.add(this.w).mul(full([1, 3], 1));
  }
}
const parabola: Loss = {
  ...mse(),
  apply: (output) => apply('mean', [output.mul(output)], { axes: [0, 1], keepDims: false }).mul(5),
};

describe.each(backends)('the learning-rate finder on %s', (_, backendOf) => {
  const backend = backendOf();
  const check = it.skipIf(!backend);

  check('sees a parabola as it is: w shrinks by 1 - 10 lr in each step, and grows beyond lr 0.2', async () => {
    const data = stripes(12);
    const found = await findLr(
      new OneNumber(),
      { loss: parabola, optimizer: sgd({ lr: 1 }), backend: backend! },
      data,
      {
        from: 1e-4,
        to: 10,
        steps: 60,
        batchSize: 4,
      },
    );
    let w = 1;
    for (const [i, { lr, loss }] of found.points.entries()) {
      expect(lr).toBeCloseTo(1e-4 * 1e5 ** (i / 59), 8);
      expect(Math.abs(loss - 5 * w * w)).toBeLessThan(1e-3 * Math.max(1, loss));
      w *= 1 - 10 * lr;
    }
    expect(found.diverged).toBe(true);
    expect(found.points.length).toBeLessThan(60);
    expect(found.lowest).toBeGreaterThan(0.1);
    expect(found.suggestion).toBeGreaterThan(1e-3);
    expect(found.suggestion).toBeLessThan(0.1);
  });

  check(
    'leaves no trace: network, data and a trainer beside it are as they were, and a sweep repeats itself',
    async () => {
      const train = stripes(40);
      const sweep = { from: 1e-3, to: 1, steps: 15, batchSize: 8, seed: 4 };
      const net = new TinyNet();
      const plain = async (before?: () => Promise<unknown>) => {
        const fresh = new TinyNet();
        await before?.();
        const trainer = new Trainer(fresh, { ...options(), backend });
        await trainer.fit(train, { epochs: 1, batchSize: 8, seed: 4 });
        await trainer.dispose();
        return fresh.stateDict();
      };
      const clean = await plain();
      const first = await findLr(net, { ...options(), backend: backend! }, train, sweep);
      expect([...net.states().values()].every((p) => p.value === undefined)).toBe(true);
      net.loadStateDict(clean);
      await findLr(net, { ...options(), backend: backend! }, train, sweep);
      expect(net.stateDict()).toEqual(clean);
      expect(await plain(() => findLr(new TinyNet(), { ...options(), backend: backend! }, train, sweep))).toEqual(
        clean,
      );
      expect(await findLr(new TinyNet(), { ...options(), backend: backend! }, train, sweep)).toEqual(first);
    },
  );

  check('takes updates, not batches, as steps when gradients are accumulated', async () => {
    const found = await findLr(new TinyNet(0), { ...options(), backend: backend! }, stripes(40), {
      steps: 12,
      batchSize: 8,
      accumulate: 2,
    });
    expect(found.points.length).toBe(12);
  });
});

it('suggests nothing where the loss does not fall, and says what is wrong with a range', async () => {
  const backend = createReferenceBackend();
  const flat: Loss = { ...mse(), apply: (output) => output.mul(0).sum().add(1) };
  const trainer = { loss: flat, optimizer: sgd({ lr: 1 }), backend };
  const found = await findLr(new TinyNet(0), trainer, stripes(20), { steps: 12, batchSize: 10 });
  expect(found.suggestion).toBeUndefined();
  await expect(findLr(new TinyNet(0), trainer, stripes(20), { from: 1, to: 0.1 })).rejects.toThrow('find-lr: to');
});
