import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { MemoryDataset } from '../../src/data/memory.js';
import { crossEntropy } from '../../src/losses/index.js';
import { accuracy } from '../../src/metrics/index.js';
import { createModel, GoogLeNet, googlenet, googlenetPaper, modelEntry } from '../../src/models/index.js';
import { sgd } from '../../src/optim/sgd.js';
import { input, Tensor } from '../../src/tensor/node.js';
import { topologicalOrder } from '../../src/tensor/topology.js';
import { Trainer } from '../../src/train/trainer.js';
import { fixture } from './formula.js';

const image = (...shape: number[]) => input('image', shape);

describe('GoogLeNet', () => {
  it("has the known counts, and without heads torchvision's other names", () => {
    expect(googlenet({ auxLogits: false }).parameterCount()).toBe(6_624_904);
    expect(googlenet().parameterCount()).toBe(13_004_888);
    expect(googlenetPaper({ auxLogits: false }).parameterCount()).toBe(6_998_552);
    expect(googlenetPaper().parameterCount()).toBe(13_378_280);
    const { googlenet: torch } = fixture<Record<string, { states: string[] }>>('models_names.json');
    expect([...googlenet({ auxLogits: false }).states().keys()]).toEqual(
      torch!.states.map((s) => s.split(' ')[0]!).filter((name) => !name.startsWith('aux')),
    );
  });

  it('names its outputs in training and gives the logits alone in evaluation', () => {
    const net = googlenet({ width: 1 / 8, classes: 5 });
    const output = net.train().forward(image(2, 3, 64, 64));
    expect(output).not.toBeInstanceOf(Tensor);
    expect(Object.keys(output)).toEqual(['logits', 'aux1', 'aux2']);
    for (const o of Object.values(output)) expect((o as Tensor).shape).toEqual([2, 5]);
    expect((net.eval().forward(image(2, 3, 64, 64)) as Tensor).shape).toEqual([2, 5]);
    const bare = googlenet({ width: 1 / 8, auxLogits: false }).train();
    expect(bare.forward(image(2, 3, 64, 64))).toBeInstanceOf(Tensor);
    expect(bare.outputWeights).toBeUndefined();
  });

  it('the first head looks at 4a, the second at 4d', () => {
    const net = googlenet({ width: 1 / 8, classes: 5 }).bindNames();
    const { aux1, aux2 } = net.train().forward(image(2, 3, 64, 64)) as Record<string, Tensor>;
    const blocks = (from: Tensor) => topologicalOrder([from]).map(({ label }) => label.split('.')[0]!);
    expect(blocks(aux1!)).toContain('inception4a');
    expect(blocks(aux1!)).not.toContain('inception4b');
    expect(blocks(aux2!)).toContain('inception4d');
    expect(blocks(aux2!)).not.toContain('inception4e');
    expect(blocks(aux2!)).not.toContain('aux1');
  });

  it('trains without being told how much its heads count: 0.3 each', async () => {
    const net = createModel('googlenet', { inputShape: [3, 32, 32], classes: 3, width: 1 / 16 });
    expect(net.outputWeights).toEqual({ logits: 1, aux1: 0.3, aux2: 0.3 });
    const length = 12;
    const images = Uint8Array.from({ length: length * 3072 }, (_, i) => ((i * 7919) % 251) * ((i >> 5) % 2));
    const labels = Int32Array.from({ length }, (_, i) => i % 3);
    const normalize = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
    const data = new MemoryDataset({
      name: 'noise',
      images,
      labels,
      shape: [3, 32, 32],
      classes: ['a', 'b', 'c'],
      normalize,
    });
    const backend = createReferenceBackend();
    const options = { loss: crossEntropy(), optimizer: sgd({ lr: 0 }), metrics: [accuracy()], backend };
    const first = async (trainer: Trainer) => {
      const losses: number[] = [];
      trainer.on((event) => {
        if (event.type === 'epoch') losses.push(event.record.train.loss as number);
      });
      await trainer.fit(data, { epochs: 1, batchSize: length, seed: 3, workers: 0 });
      await trainer.dispose();
      return losses[0]!;
    };
    const weighted = (outputWeights?: Record<string, number>) =>
      first(
        new Trainer(createModel('googlenet', { inputShape: [3, 32, 32], classes: 3, width: 1 / 16 }), {
          ...options,
          outputWeights,
        }),
      );
    const all = await weighted();
    const logits = await weighted({ logits: 1 });
    const one = await weighted({ aux1: 1 });
    const two = await weighted({ aux2: 1 });
    expect(all).toBeCloseTo(logits + 0.3 * one + 0.3 * two, 4);
  });

  it('has maps of the sizes in the Table 1 of the paper', () => {
    for (const name of ['googlenet', 'googlenet_paper']) {
      const net = createModel(name, { width: 1 / 16 }) as GoogLeNet;
      expect(net.stages(image(1, 3, 224, 224)).map((m) => m.shape.slice(2))).toEqual(
        [112, 56, 28, 14, 7].map((side) => [side, side]),
      );
      expect((createModel(name) as GoogLeNet).stageChannels).toEqual([64, 192, 480, 832, 1024]);
    }
  });

  it.each([
    ['googlenet', {}],
    ['googlenet_paper', { auxLogits: false }],
    ['googlenet_paper', {}],
  ] as const)('%s %o says the smallest image that works, and that one works', (name, options) => {
    const make = (side: number) =>
      createModel(name, { ...options, width: 1 / 16, classes: 4, inputShape: [3, side, side] });
    let message = '';
    try {
      make(7);
    } catch (error) {
      message = (error as Error).message;
    }
    const least = Number(/works is (\d+)x\1/.exec(message)?.[1]);
    expect(least, message).toBeGreaterThan(7);
    expect(() => make(least - 1)).toThrow(`${least}x${least}`);
    const output = make(least)
      .train()
      .forward(image(2, 3, least, least));
    for (const o of output instanceof Tensor ? [output] : Object.values(output)) expect(o.shape).toEqual([2, 4]);
  });

  it('says in one sentence what is wrong', () => {
    expect(() => new GoogLeNet({ variant: 'v3' as never })).toThrow(
      /variant must be 'torchvision' or 'paper', got "v3"/,
    );
    expect(() => googlenet({ inputShape: [1, 64, 64], transformInput: true })).toThrow(
      /for images of 3 channels, got 1/,
    );
    expect(() => googlenet({ classes: -1 })).toThrow(/GoogLeNet: classes must be .* got -1/);
    expect(() => googlenet({ aux: true } as never)).toThrow(
      /unknown option of GoogLeNet "aux", did you mean "auxLogits"/,
    );
    expect(() => googlenet({ auxLogits: 'no' as never })).toThrow(/auxLogits must be true or false, got "no"/);
    expect(() => googlenetPaper({ inputShape: [3, 32, 32] })).toThrow(/leave the heads out with auxLogits false/);
    const net = googlenetPaper({ inputShape: [3, 96, 96], width: 1 / 16 });
    expect(() => net.train().forward(image(2, 3, 128, 128))).toThrow();
    expect(modelEntry('googlenet').preprocessing?.crop).toBe(224);
  });
});
