import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { Module, type Output } from '../../src/nn/module.js';
import { sgd } from '../../src/optim/index.js';
import type { Tensor } from '../../src/tensor/node.js';
import type { StepEvent } from '../../src/train/events.js';
import type { TrainerOptions } from '../../src/train/options.js';
import { Trainer } from '../../src/train/trainer.js';
import { options, stripes, TinyNet } from './support.js';

/** Two heads in training, as GoogLeNet has; the main one alone in evaluation. */
class TwoHeads extends Module {
  readonly main = new TinyNet(0);
  readonly aux = new TinyNet(0);
  forward(x: Tensor): Output {
    const logits = this.main.forward(x);
    return this.training ? { logits, aux: this.aux.forward(x) } : logits;
  }
}

const data = stripes(32);

async function firstLoss(more: Partial<TrainerOptions>): Promise<number> {
  const trainer = new Trainer(
    new TwoHeads(),
    options({ optimizer: sgd({ lr: 0 }), backend: createReferenceBackend(), ...more }),
  );
  const steps: StepEvent[] = [];
  trainer.on((e) => e.type === 'step' && steps.push(e));
  await trainer.fit(data, { epochs: 1, batchSize: 32, seed: 1 });
  return steps[0]!.loss;
}

describe('a network with several outputs', () => {
  it('is trained on the weighted sum of their losses', async () => {
    const main = await firstLoss({ outputWeights: { logits: 1 } });
    const aux = await firstLoss({ outputWeights: { aux: 1 } });
    expect(aux).not.toBe(main);
    expect(await firstLoss({ outputWeights: { logits: 1, aux: 0.3 } })).toBeCloseTo(main + 0.3 * aux, 5);
  });

  it('trains no head that has no weight', async () => {
    const net = new TwoHeads();
    const trainer = new Trainer(net, options({ outputWeights: { logits: 1 } }));
    const start = new TwoHeads();
    await new Trainer(start, options({ outputWeights: { logits: 1 } })).fit(data, {
      epochs: 1,
      seed: 1,
      signal: AbortSignal.abort(),
    });
    await trainer.fit(data, { epochs: 1, seed: 1 });
    expect(net.stateDict()['aux.fc.weight']).toEqual(start.stateDict()['aux.fc.weight']);
    expect(net.stateDict()['main.fc.weight']).not.toEqual(start.stateDict()['main.fc.weight']);
  });

  it('asks for the weights, and for outputs that exist', async () => {
    await expect(firstLoss({})).rejects.toThrow(
      'the network gives several outputs (logits, aux): say with outputWeights how much the loss of each counts',
    );
    await expect(firstLoss({ outputWeights: { logits: 1, aux1: 0.3 } })).rejects.toThrow(
      'outputWeights names "aux1"; the network\'s outputs are logits, aux',
    );
  });

  it('is evaluated and used by its main output', async () => {
    const trainer = new Trainer(new TwoHeads(), options({ outputWeights: { logits: 1, aux: 0.3 } }));
    await trainer.fit(data, { epochs: 3, batchSize: 8 });
    expect((await trainer.evaluate(data)).accuracy).toBe(1);
  });
});
