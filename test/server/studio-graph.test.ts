import { describe, expect, it } from 'vitest';
import { analyse, traceModel } from '../../src/inspect/index.js';
import { createModel, modelEntry, modelNames } from '../../src/models/index.js';
import * as F from '../../src/nn/functional.js';
import * as nn from '../../src/nn/index.js';
import type { NetworkGraph } from '../../src/server/studio/api.js';
import { networkGraph, stepTensor } from '../../src/server/studio/look/graph.js';
import type { Tensor } from '../../src/tensor/node.js';

function graphOf(name: string): NetworkGraph {
  const { inputShape, classes, task } = modelEntry(name);
  return networkGraph(createModel(name), { name, inputShape, classes, task });
}

const sum = (graph: NetworkGraph, of: 'parameters' | 'multiplyAdds' | 'activationBytes', all: boolean) =>
  graph.steps.filter((s) => all || !s.trainingOnly).reduce((total, s) => total + s[of], 0);

describe('a network as boxes and wires', () => {
  for (const name of modelNames())
    it(`${name}: boxes cost what the network costs, come in order, and blocks hold neighbours`, () => {
      const graph = graphOf(name);
      const { inputShape } = modelEntry(name);
      const analysis = analyse(createModel(name), { inputShape, batch: 1 });
      expect(sum(graph, 'parameters', true)).toBe(analysis.parameters);
      expect(sum(graph, 'parameters', false)).toBe(analysis.inferenceParameters);
      expect(sum(graph, 'multiplyAdds', false)).toBe(analysis.multiplyAdds);
      expect(sum(graph, 'activationBytes', false)).toBe(analysis.activationBytes);
      expect(graph.totals).toEqual({
        parameters: analysis.parameters,
        multiplyAdds: analysis.multiplyAdds,
        activationBytes: analysis.activationBytes,
      });
      for (const [i, step] of graph.steps.entries()) {
        expect(step.id).toBe(i);
        expect(step.inputs.length > 0).toBe(i > 0);
        for (const input of step.inputs) expect(input).toBeLessThan(i);
        // Each convolution and linear layer has weights of its own.
        if (['conv', 'upconv', 'linear'].includes(step.kind)) expect(step.parameters).toBeGreaterThan(0);
      }
      for (const { steps } of graph.blocks) {
        expect(steps.length).toBeGreaterThan(1);
        expect(steps).toEqual(steps.map((_, i) => steps[0]! + i));
      }
      for (const [i, a] of graph.blocks.entries())
        for (const b of graph.blocks.slice(i + 1)) {
          const shared = a.steps.filter((s) => b.steps.includes(s)).length;
          expect([0, a.steps.length, b.steps.length], `${a.path} and ${b.path}`).toContain(shared);
        }
      expect(graph.figure).toMatch(/^<svg /);
    });

  it('names the inception modules of GoogLeNet, and its heads as they run in training only', () => {
    const { blocks, steps, outputs } = graphOf('googlenet');
    const inception = blocks.filter((b) => b.kind === 'Inception');
    expect(inception.map((b) => b.path)).toEqual(
      ['3a', '3b', '4a', '4b', '4c', '4d', '4e', '5a', '5b'].map((n) => `inception${n}`),
    );
    for (const { steps: held } of inception) expect(held).toHaveLength(8);
    expect(outputs.map((o) => o.name)).toEqual(['output', 'aux1', 'aux2']);
    expect(outputs.map((o) => steps[o.step]!.trainingOnly)).toEqual([false, true, true]);
    const [, head] = outputs;
    expect(steps[head!.step]!.path).toMatch(/^aux1\./);
    const first = steps.find((s) => s.path.startsWith('aux1.'))!;
    expect(steps[first.inputs[0]!]!.path).toBe('inception4a');
  });

  it('tells what a layer sees', () => {
    const { steps } = graphOf('lenet');
    expect(steps.map((s) => [s.kind, ...s.receptiveField, ...s.jump, s.wholeImage])).toEqual([
      ['input', 1, 1, 1, 1, false],
      ['conv', 5, 5, 1, 1, false],
      ['maxpool', 6, 6, 2, 2, false],
      ['conv', 14, 14, 2, 2, false],
      ['maxpool', 16, 16, 4, 4, false],
      ['linear', 28, 28, 16, 16, true],
      ['linear', 28, 28, 16, 16, true],
    ]);
    expect(steps[1]).toMatchObject({ path: 'features.0', kernel: [5, 5], followedBy: ['relu'], shape: [20, 24, 24] });
  });

  it('puts what cuts a skip beside what uses it', () => {
    const { steps } = graphOf('unet_paper');
    const crops = steps.filter((s) => s.kind === 'crop');
    expect(crops).toHaveLength(4);
    for (const crop of crops) expect(steps[crop.id + 1]!.inputs).toContain(crop.id);
  });

  it('gives the value of a step with what follows it', () => {
    const net = createModel('unet');
    const traced = traceModel(net, [3, 32, 32]);
    const graph = networkGraph(net, { name: 'unet', inputShape: [3, 32, 32], classes: 1, task: 'segmentation' });
    for (const { id, shape, kind, followedBy } of graph.steps) {
      const { tensor } = stepTensor(traced, id)!;
      expect(tensor.shape.slice(1)).toEqual(shape);
      if (followedBy.includes('relu')) expect(tensor.node.op).toBe('relu');
      if (kind === 'concat') expect(tensor.node.op).toBe('concat');
    }
    expect(stepTensor(traced, graph.steps.length)).toBeUndefined();
  });

  it('takes networks of one’s own, with layers that nothing uses and branches that nothing names', () => {
    class Own extends nn.Module {
      readonly a = new nn.Conv2d(3, 4, { kernel: 3, padding: 1 });
      readonly b = new nn.Conv2d(3, 4, { kernel: 1 });
      readonly unused = new nn.Linear(7, 5);
      readonly head = new nn.Linear(8, 2);
      forward(x: Tensor): Tensor {
        return this.head.forward(F.cat([this.a.forward(x), this.b.forward(x)]).mean([2, 3]));
      }
    }
    const graph = networkGraph(new Own(), { name: 'own', inputShape: [3, 9, 6], classes: 2, task: 'classification' });
    expect(graph.steps.map((s) => s.kind)).toEqual(['input', 'conv', 'conv', 'concat', 'globalpool', 'linear']);
    expect(sum(graph, 'parameters', true)).toBe(graph.totals.parameters - 40);
    expect(sum(graph, 'multiplyAdds', false)).toBe(graph.totals.multiplyAdds);
    expect(graph.blocks).toEqual([]);
  });
});
