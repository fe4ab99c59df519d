import { describe, expect, test } from 'vitest';
import { buildGraph, type Graph, type GraphNode, sources, typeOf, verifyGraph } from '../../src/tensor/graph.js';
import { apply, applyAll, full, input, type Tensor, tensor } from '../../src/tensor/node.js';
import { withLayer } from '../../src/tensor/scope.js';
import { ShapeError } from '../../src/tensor/shape.js';
import { runGraph } from './evaluate.js';

const state = (name: string, shape: number[]): Tensor => apply('state', [], { name, shape, dtype: 'float32' });

/** y = w x + 1 with an update of w: nodes 0 x, 1 w, 2 mul, 3 full, 4 add. */
function graph(): Graph {
  const [x, w] = [input('x', [2, 3]), state('w', [3])];
  return buildGraph({ outputs: { y: x.mul(w).add(1) }, updates: { w: w.add(w) } });
}

const at = (g: Graph, op: string): number => g.nodes.findIndex((n) => n.op === op);

/** The graph with some fields of one node replaced. */
function changed(g: Graph, index: number, fields: Partial<GraphNode>): Graph {
  return { ...g, nodes: g.nodes.map((n, i) => (i === index ? { ...n, ...fields } : n)) };
}

describe('verifyGraph', () => {
  test('accepts what buildGraph makes, also after it has been through JSON', () => {
    const g = graph();
    verifyGraph(g);
    verifyGraph(JSON.parse(JSON.stringify(g)) as Graph);
  });

  const g = graph();
  const mul = at(g, 'mul');
  const x = at(g, 'input');
  const broken: [rule: string, graph: Graph, message: RegExp][] = [
    ['operations are known', changed(g, mul, { op: 'multiply' as 'mul' }), /multiply.*unknown operation/],
    [
      'operands come before their users',
      changed(g, mul, { inputs: [[mul, 0], g.nodes[mul]!.inputs[1]!] }),
      /mul.*takes a value of node \d+, which does not come before it/,
    ],
    [
      'operands exist',
      changed(g, mul, {
        inputs: [
          [99, 0],
          [x, 0],
        ],
      }),
      /takes a value of node 99/,
    ],
    [
      'operands are not negative',
      changed(g, mul, {
        inputs: [
          [-1, 0],
          [x, 0],
        ],
      }),
      /takes a value of node -1/,
    ],
    [
      'output numbers exist',
      changed(g, mul, {
        inputs: [
          [x, 1],
          [x, 0],
        ],
      }),
      /input.*has no output 1/,
    ],
    ['not too few inputs', changed(g, mul, { inputs: [[x, 0]] }), /mul.*takes 2.* has 1/],
    [
      'not too many inputs',
      changed(g, mul, {
        inputs: [
          [x, 0],
          [x, 0],
          [x, 0],
        ],
      }),
      /mul.*takes 2.* has 3/,
    ],
    [
      'inputs fit the shape rule',
      changed(g, x, {
        attrs: { name: 'x', shape: [2, 4], dtype: 'float32' },
        outputs: [{ shape: [2, 4], dtype: 'float32' }],
      }),
      /mul\(float32\[2, 4\], float32\[3\]\)/,
    ],
    [
      'as many outputs as the rule says',
      changed(g, mul, { outputs: [...g.nodes[mul]!.outputs, { shape: [], dtype: 'float32' }] }),
      /mul.*should have 1 output/,
    ],
    [
      "outputs have the rule's shape",
      changed(g, mul, { outputs: [{ shape: [3, 2], dtype: 'float32' }] }),
      /output 0 should be float32\[2, 3\], is declared as float32\[3, 2\]/,
    ],
    [
      "outputs have the rule's dtype",
      changed(g, mul, { outputs: [{ shape: [2, 3], dtype: 'int32' }] }),
      /output 0 should be float32\[2, 3\], is declared as int32\[2, 3\]/,
    ],
    ['graph outputs exist', { ...g, outputs: { y: [99, 0] } }, /takes a value of node 99/],
    ['updates exist', { ...g, updates: { w: [x, 7] } }, /has no output 7/],
    [
      "updates keep their state's type",
      { ...g, updates: { w: [x, 0] } },
      /state "w" is float32\[3\] and cannot take float32\[2, 3\]/,
    ],
  ];
  test.each(broken)('%s', (_rule, bad, message) => {
    expect(() => verifyGraph(bad)).toThrow(ShapeError);
    expect(() => verifyGraph(bad)).toThrow(message);
  });

  test('one name has one type, among inputs and among states', () => {
    const two = (make: (shape: number[]) => Tensor) =>
      buildGraph({
        outputs: {
          y: make([3])
            .sum()
            .add(make([4]).sum()),
        },
      });
    expect(() => verifyGraph(two((s) => input('x', s)))).toThrow(/"x" is float32\[3\] elsewhere and float32\[4\] here/);
    expect(() => verifyGraph(two((s) => state('x', s)))).toThrow(/"x" is float32\[3\] elsewhere and float32\[4\] here/);
    verifyGraph(
      buildGraph({
        outputs: {
          y: input('x', [3])
            .sum()
            .add(state('x', [4]).sum()),
        },
      }),
    );
  });

  test('a graph without nodes has no outputs to give', () => {
    verifyGraph({ nodes: [], outputs: {}, updates: {} });
    expect(() => verifyGraph({ nodes: [], outputs: { y: [0, 0] }, updates: {} })).toThrow(ShapeError);
  });
});

describe('buildGraph', () => {
  test('lists each node once, operands first, with labels, and leaves unused nodes out', () => {
    const x = input('x', [2]);
    const shared = withLayer('body.0', () => x.mul(x));
    shared.neg(); // nobody asks for it
    const g = buildGraph({ outputs: { a: shared.add(shared), b: shared } });
    expect(g.nodes.map((n) => n.op)).toEqual(['input', 'mul', 'add']);
    expect(g.nodes[1]!.label).toBe('body.0');
    expect(typeOf(g, g.outputs.a!)).toEqual({ shape: [2], dtype: 'float32' });
    expect([...sources(g, 'input').keys()]).toEqual(['x']);
  });

  test('several outputs of one node stay one node', () => {
    const x = input('x', [4, 2]);
    const [y, mean, variance] = applyAll('batchNorm', [x, full([2], 1), full([2], 0)], { eps: 0 });
    const g = buildGraph({ outputs: { y: y!, mean: mean!, variance: variance! } });
    expect(g.nodes.filter((n) => n.op === 'batchNorm')).toHaveLength(1);
    const feeds = { x: { shape: [4, 2], dtype: 'float32' as const, data: Float32Array.of(1, 0, 2, 0, 3, 4, 6, 4) } };
    const { outputs } = runGraph(g, feeds);
    expect([...outputs.mean!.data, ...outputs.variance!.data]).toEqual([3, 2, 3.5, 4]);
  });

  test('updates see the values from before the run', () => {
    const w = state('w', [1]);
    const feeds = { w: { shape: [1], dtype: 'float32' as const, data: Float32Array.of(5) } };
    const { outputs, updates } = runGraph(buildGraph({ outputs: { old: w }, updates: { w: w.add(1) } }), feeds);
    expect([outputs.old!.data[0], updates.w!.data[0]]).toEqual([5, 6]);
  });
});

describe('tensor', () => {
  test('nested arrays give shape and values; ragged ones are refused', () => {
    const t = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      undefined,
      'int32',
    );
    expect([t.shape, t.dtype]).toEqual([[2, 3], 'int32']);
    expect(() => tensor([[1, 2], [3]])).toThrow('nested arrays must be rectangular');
    expect(() => tensor(new Float32Array(5), [2, 3])).toThrow('5 values do not fill a tensor of shape [2, 3]');
  });

  test('reshape infers one size and refuses what cannot be', () => {
    const x = input('x', [2, 3, 4]);
    expect(x.reshape([-1, 6]).shape).toEqual([4, 6]);
    expect(() => x.reshape([-1, 7])).toThrow(/reshape\(float32\[2, 3, 4\]\)/);
    expect(() => x.reshape([-1, -1])).toThrow(ShapeError);
  });
});
