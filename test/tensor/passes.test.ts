import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/tensor/autodiff.js';
import { buildGraph, type Graph, verifyGraph } from '../../src/tensor/graph.js';
import { apply, applyAll, constant, full, input, type Tensor } from '../../src/tensor/node.js';
import { mergeEqual, optimise, prune, simplify } from '../../src/tensor/passes.js';
import { Draw } from './draw.js';
import { runGraph } from './evaluate.js';
import { forSeeds } from './property.js';

const STEPS: ((draw: Draw, pick: () => Tensor) => Tensor | undefined)[] = [
  (_d, pick) => together(pick(), pick(), (a, b) => a.add(b)),
  (_d, pick) => together(pick(), pick(), (a, b) => a.mul(b)),
  (_d, pick) => together(pick(), pick(), (a, b) => apply('maximum', [a, b], {})),
  (d, pick) => pick().mul(d.pick([1, 1, 2, 0, -0])),
  (_d, pick) => full([], 1, 'float64').mul(pick()),
  (d, pick) => pick().div(d.pick([1, 2])),
  (d, pick) => pick().add(d.pick([0, -0, 1])),
  (_d, pick) => apply('tanh', [pick()], {}),
  (_d, pick) => apply('reciprocal', [pick()], {}),
  (_d, pick) => apply('floor', [pick()], {}).neg(),
  (_d, pick) => pick().cast('float64'),
  (_d, pick) => pick().cast('float32').cast('float64'),
  (d, pick) => {
    const x = pick();
    return x.reshape(d.pick([x.shape, [...x.shape].reverse(), [...x.shape, 1]]));
  },
  (_d, pick) => {
    const x = pick();
    return x.reshape([-1]).reshape(x.shape);
  },
  (_d, pick) => full([], 0.5, 'float64').broadcastTo(pick().shape),
  (_d, pick) => {
    const x = pick();
    return apply('broadcastTo', [x], { shape: x.shape });
  },
  (d, pick) => pick().sum(undefined, { keepDims: d.bool() }),
  (_d, pick) => constant({ ...pick(), shape: [2], dtype: 'float64', data: Float64Array.of(1, -0) }).sum(),
];

function together(a: Tensor, b: Tensor, f: (a: Tensor, b: Tensor) => Tensor): Tensor | undefined {
  try {
    return f(a, b);
  } catch {
    return undefined; // the two do not broadcast
  }
}

/** A random graph with repeated subexpressions, neutral operations, an update, and dead nodes. */
function randomGraph(seed: number): Graph {
  const draw = new Draw(seed);
  const build = (from: Draw, tensors: Tensor[], count: number) => {
    for (let i = 0; i < count; i++) {
      const made = from.pick(STEPS)(from, () => from.pick(tensors));
      if (made) tensors.push(made);
    }
    return tensors;
  };
  const x = () => input('x', [3, 2], 'float64');
  const w = apply('state', [], { name: 'w', shape: [2], dtype: 'float64' });
  // The same steps twice, from inputs made twice: everything in the second half is a repetition.
  const twin = draw.int(0, 2 ** 31);
  const tensors = [...build(new Draw(twin), [x(), w], 8), ...build(new Draw(twin), [x(), w], 8)];
  build(draw, tensors, 8);
  const outputs = Object.fromEntries(
    draw
      .shuffle(tensors)
      .slice(0, 5)
      .map((t, i) => [`y${i}`, t]),
  );
  return withDeadNode(buildGraph({ outputs, updates: { w: w.add(full([2], 0.25, 'float64')) } }));
}

/** buildGraph lists live nodes only, so a dead one is put in by hand. */
function withDeadNode(g: Graph): Graph {
  const dead = {
    op: 'full',
    attrs: { shape: [7], dtype: 'float32', value: 3 },
    inputs: [],
    outputs: [{ shape: [7], dtype: 'float32' }],
    label: '',
    phase: 'forward',
  } as const;
  const shift = ([n, o]: readonly [number, number]) => [n + 1, o] as const;
  const refs = (of: Graph['outputs']) => Object.fromEntries(Object.entries(of).map(([k, r]) => [k, shift(r)]));
  const nodes = g.nodes.map((n) => ({ ...n, inputs: n.inputs.map(shift) }));
  return { nodes: [dead, ...nodes], outputs: refs(g.outputs), updates: refs(g.updates) };
}

function feedsFor(seed: number) {
  const draw = new Draw(seed);
  return { x: draw.awayFromZero([3, 2]), w: draw.awayFromZero([2]) };
}

/** Equal bit for bit, so that -0 differs from 0 and NaN equals NaN. */
function expectSame(before: Graph, after: Graph, seed: number): void {
  const feeds = feedsFor(seed);
  const [a, b] = [runGraph(before, feeds), runGraph(after, feeds)];
  expect(b).toEqual(a);
}

describe('passes keep every value, bit for bit, and every graph valid', () => {
  test.each([
    ['prune', prune],
    ['mergeEqual', mergeEqual],
    ['simplify', simplify],
    ['optimise', optimise],
  ] as const)('%s', (_name, pass) => {
    forSeeds(80, (seed) => {
      const before = randomGraph(seed);
      const copy = structuredClone(before);
      const after = pass(before);
      expect(before).toEqual(copy); // graphs are values: a pass makes a new one
      verifyGraph(after);
      expectSame(before, after, seed);
      expect(after.nodes.length).toBeLessThanOrEqual(before.nodes.length);
    });
  });
});

describe('passes do their work', () => {
  test('optimise leaves no two nodes with one meaning, nothing dead, and nothing for a second go', () => {
    forSeeds(40, (seed) => {
      const once = optimise(randomGraph(seed));
      expect(prune(once).nodes.length).toBe(once.nodes.length);
      expect(mergeEqual(once).nodes.length).toBe(once.nodes.length);
      const live = new Set([...Object.values(once.outputs), ...Object.values(once.updates)].map(([n]) => n));
      for (const node of once.nodes) for (const [n] of node.inputs) live.add(n);
      expect(live.size).toBe(once.nodes.length);
    });
  });

  test('equal subexpressions of forward and backward are computed once', () => {
    const x = input('x', [4, 2], 'float64');
    const s = () => apply('sigmoid', [x], {});
    const y = s().mul(s()).sum();
    const g = optimise(buildGraph({ outputs: { y, dx: gradients(y, [x])[0]! } }));
    expect(g.nodes.filter((n) => n.op === 'sigmoid')).toHaveLength(1);
  });

  test('nodes that only look alike stay apart', () => {
    const rng = input('rng', [2], 'int32');
    const random = (stream: number) => apply('random', [rng], { shape: [3], distribution: 'uniform', stream });
    const x = input('x', [3]);
    const outputs = {
      a: random(0),
      b: random(1),
      zero: full([], 0),
      minusZero: full([], -0),
      nan: full([], Number.NaN),
      infinity: full([], Number.POSITIVE_INFINITY),
      minusInfinity: full([], Number.NEGATIVE_INFINITY),
      double: full([], 0, 'float64'),
      difference: x.sub(random(0)),
      reversed: random(0).sub(x),
    };
    const g = optimise(buildGraph({ outputs }));
    expect(new Set(Object.values(g.outputs).map(([n]) => n)).size).toBe(Object.keys(outputs).length);
    expect(g.nodes.filter((n) => n.op === 'random')).toHaveLength(2);
  });

  test('the same random numbers asked for twice are drawn once', () => {
    const rng = input('rng', [2], 'int32');
    const random = () => apply('random', [rng], { shape: [3], distribution: 'normal', stream: 4 });
    expect(optimise(buildGraph({ outputs: { y: random().mul(random()) } })).nodes.map((n) => n.op)).toEqual([
      'input',
      'random',
      'mul',
    ]);
  });

  test('literals are equal by value when small, and never by accident', () => {
    const data = (last: number) => constant({ shape: [3], dtype: 'float32', data: Float32Array.of(1, 2, last) });
    const nodes = (a: Tensor, b: Tensor) => optimise(buildGraph({ outputs: { a, b } })).nodes.length;
    expect(nodes(data(3), data(3))).toBe(1);
    expect(nodes(data(3), data(4))).toBe(2);
    expect(nodes(data(0), data(-0))).toBe(2);
    const bytes = constant({ shape: [3], dtype: 'uint8', data: Uint8Array.of(1, 2, 3) });
    expect(nodes(data(3), bytes)).toBe(2);
  });

  test('one output of several being dead keeps the node and the other outputs', () => {
    const x = input('x', [4, 2], 'float64');
    const [y] = applyAll('batchNorm', [x, full([2], 1, 'float64'), full([2], 0, 'float64')], { eps: 0 });
    const g = optimise(buildGraph({ outputs: { y: y! } }));
    expect(g.nodes.find((n) => n.op === 'batchNorm')!.outputs).toHaveLength(3);
    verifyGraph(g);
  });
});
