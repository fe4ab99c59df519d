import { describe, expect, test } from 'vitest';
import { adam, adamw, applyOptimizer, parseOptimizer, rmsprop, sgd, type UpdateGraph } from '../../src/optim/index.js';
import { apply, input, type Tensor } from '../../src/tensor/node.js';
import { type HostTensor, hostTensor } from '../../src/tensor/shape.js';
import { Bench, expectClose, fixture } from '../nn/support.js';

interface Trajectory {
  readonly name: string;
  readonly options: Record<string, number>;
  readonly clip: { norm?: number; value?: number } | null;
  readonly after: Record<string, number[]>[];
  readonly slots: Record<string, number[]>;
  readonly norms: number[];
}
interface Fixture {
  readonly shapes: Record<string, number[]>;
  readonly start: Record<string, number[]>;
  readonly grads: Record<string, number[]>[];
  readonly optimizers: Trajectory[];
}

/** Made by test/fixtures/make_optim.py. */
const { shapes, start, grads, optimizers } = fixture('optim.json') as Fixture;
const names = Object.keys(shapes);

const states = () =>
  new Map(names.map((n) => [n, apply('state', [], { name: n, shape: shapes[n]!, dtype: 'float32' })]));
const gradInputs = () => new Map(names.map((n) => [n, input(`g.${n}`, shapes[n]!)]));
const feed = (step: Record<string, number[]>): Record<string, HostTensor> =>
  Object.fromEntries(names.map((n) => [`g.${n}`, hostTensor(Float32Array.from(step[n]!), shapes[n]!)]));

/** A bench with the start values and the slots of `update` in its store. */
async function prepared(update: UpdateGraph): Promise<Bench> {
  const bench = new Bench();
  for (const n of names) await bench.store.set(n, hostTensor(Float32Array.from(start[n]!), shapes[n]!));
  if (Object.keys(update.initialSlots).length > 0) await bench.run({ updates: update.initialSlots });
  return bench;
}

describe('ten steps are those of PyTorch', () => {
  test.each(
    optimizers.map(
      (o) => [`${o.name} ${JSON.stringify(o.options)}${o.clip ? ` clip ${JSON.stringify(o.clip)}` : ''}`, o] as const,
    ),
  )('%s', async (_name, o) => {
    const optimizer = parseOptimizer({ name: o.name, options: o.options });
    const update = applyOptimizer(optimizer, states(), gradInputs(), { clip: o.clip ?? {} });
    const bench = await prepared(update);
    for (const [i, after] of o.after.entries()) {
      const outputs: Record<string, Tensor> = update.norm ? { norm: update.norm } : {};
      const found = await bench.run(
        { outputs, updates: update.updates },
        { ...feed(grads[i]!), ...update.inputs(i + 1) },
      );
      for (const n of names) expectClose((await bench.store.get(n)).data, after[n]!, 1e-6, `step ${i + 1}, ${n}`);
      if (o.norms.length > 0) expectClose(found.norm!.data, [o.norms[i]!], 1e-6, `norm of step ${i + 1}`, 0);
    }
    const slots = [...bench.store.entries().keys()].filter((n) => n.startsWith('optim.'));
    expect(slots.sort()).toEqual(Object.keys(o.slots).sort());
    // Sums of gradients that nearly cancel keep the error of the large ones: measured against the largest element.
    for (const n of slots)
      expectClose((await bench.store.get(n)).data, o.slots[n]!, 2e-6, n, Math.max(...o.slots[n]!.map(Math.abs)));
  });
});

describe('guarded updates', () => {
  const loss = () => input('loss', []);
  const scalar = (v: number) => hostTensor(Float32Array.of(v), []);

  async function step(lossValue: number, spoil?: { name: string; value: number }, clip = {}) {
    const update = applyOptimizer(adam({ lr: 0.1 }), states(), gradInputs(), { loss: loss(), clip });
    const bench = await prepared(update);
    const given = { ...grads[3]! };
    if (spoil) given[spoil.name] = [spoil.value, ...given[spoil.name]!.slice(1)];
    const outputs: Record<string, Tensor> = { ok: update.allFinite! };
    for (const [n, ok] of update.finite) outputs[`ok.${n}`] = ok;
    const found = await bench.run(
      { outputs, updates: update.updates },
      { ...feed(given), ...update.inputs(1), loss: scalar(lossValue) },
    );
    const changed: string[] = [];
    for (const [n] of bench.store.entries()) {
      const before = start[n] ? Float32Array.from(start[n]) : new Float32Array((await bench.store.get(n)).data.length);
      const now = (await bench.store.get(n)).data;
      expect([...now].every(Number.isFinite), n).toBe(true);
      if (now.some((v, i) => v !== before[i])) changed.push(n);
    }
    return { ok: found.ok!.data[0], changed, found };
  }

  test('finite loss and gradients change everything', async () => {
    const { ok, changed } = await step(0.5);
    expect(ok).toBe(1);
    expect(changed).toHaveLength(9);
  });
  test.each([Number.NaN, Number.POSITIVE_INFINITY])('a loss of %s changes nothing', async (value) => {
    const { ok, changed } = await step(value);
    expect([ok, changed]).toEqual([0, []]);
  });
  test.each([
    [Number.NaN, {}],
    [Number.NEGATIVE_INFINITY, {}],
    [Number.NaN, { value: 0.1 }],
    // Clamping makes an ordinary number of it, which must not hide it.
    [Number.POSITIVE_INFINITY, { value: 0.1 }],
  ])('a gradient of %s (clip %j) leaves its parameter and slots alone', async (value, clip) => {
    const { ok, changed, found } = await step(0.5, { name: 'a.bias', value }, clip);
    expect(ok).toBe(0);
    expect([found['ok.a.bias']!.data[0], found['ok.a.weight']!.data[0]]).toEqual([0, 1]);
    expect(changed.filter((n) => n.includes('a.bias'))).toEqual([]);
    expect(changed).toContain('a.weight');
  });
});

describe('what a step graph needs', () => {
  test('scalar inputs are named by group, and the schedule sets them', () => {
    const optimizer = sgd({ lr: 0.1, momentum: 0.9, groups: [{ params: 'b', lr: 0.5 }, { params: 'nothing' }] });
    const update = applyOptimizer(optimizer, states(), gradInputs());
    expect(update.inputNames).toEqual(['optim.0.lr', 'optim.0.momentum', 'optim.2.lr', 'optim.2.momentum']);
    const plain = update.inputs(1);
    expect(Object.keys(plain)).toEqual(update.inputNames);
    expect([plain['optim.0.lr']!.data[0], plain['optim.2.lr']!.data[0]]).toEqual([0.5, Math.fround(0.1)]);
    const scheduled = update.inputs(7, { lr: (base) => base / 2, momentum: 0.75 });
    expect(scheduled['optim.0.lr']!.data[0]).toBe(0.25);
    expect(scheduled['optim.2.momentum']!.data[0]).toBe(0.75);
    expect(update.learningRates({ lr: (base) => base / 2 })).toEqual([0.25, 0.05]);
  });

  test('parameters without a gradient are left out', () => {
    const some = new Map([...gradInputs()].filter(([n]) => n !== 'a.bias'));
    const update = applyOptimizer(adam(), states(), some);
    expect(Object.keys(update.updates).filter((n) => n.includes('a.bias'))).toEqual([]);
  });

  test('the first matching group wins, a dot ends a name, a star is anything', () => {
    const { groups } = sgd({
      groups: [{ params: 'features.1' }, { params: ['*.bias', 'head'] }, { params: (p) => p === 'x' }],
    });
    const group = (path: string) => groups.findIndex((g) => g.matches(path));
    expect(
      [
        'features.1.weight',
        'features.1',
        'features.10.weight',
        'features.0.bias',
        'head.0.fc.weight',
        'xhead',
        'x',
      ].map(group),
    ).toEqual([0, 0, 3, 1, 1, 3, 2]);
  });

  test('specs make the same optimizer again', () => {
    const made = adamw({ lr: 0.3, groups: [{ params: '*.bias', weightDecay: 0 }] });
    const again = parseOptimizer(JSON.parse(JSON.stringify(made.spec)));
    expect(again.spec).toEqual(made.spec);
    expect(again.groups.map((g) => g.scalars(3, g.lr))).toEqual(made.groups.map((g) => g.scalars(3, g.lr)));
    expect(sgd({ groups: [{ params: () => true }] }).spec).toBeUndefined();
  });
});

describe('bad options are refused in one sentence', () => {
  test.each<[() => unknown, RegExp]>([
    [() => sgd({ lr: -1 }), /^sgd: lr must be a finite number at least 0, got -1$/],
    [() => sgd({ lr: Number.NaN }), /lr must be .* got NaN/],
    [() => sgd({ nesterov: true }), /nesterov needs a momentum greater than 0 and dampening 0, got 0 and 0/],
    [() => adam({ beta1: 1 }), /beta1 must be .* less than 1, got 1/],
    [() => adam({ groups: [{ params: '*', beta2: 2 }] }), /beta2 must be/],
    [() => adam({ groups: [{ params: [] }] }), /a group names no params/],
    [() => adam({ groups: [{ params: 3 as never }] }), /params of a group must be names/],
    [() => rmsprop({ momentun: 0.9 } as never), /unknown option of rmsprop "momentun", did you mean "momentum"\?/],
    [
      () => parseOptimizer('adm'),
      /unknown optimizer "adm", did you mean "adam"\? \(known: sgd, adam, adamw, rmsprop\)/,
    ],
    [() => parseOptimizer({ name: 'sgd', options: { lr: '0.1' } }), /lr must be a finite number at least 0, got "0.1"/],
    [
      () => applyOptimizer(sgd(), states(), gradInputs(), { clip: { norm: 0 } }),
      /clip: norm must be .* greater than 0, got 0/,
    ],
    [
      () => applyOptimizer(sgd(), states(), new Map([['a.bias', input('g', [4])]])),
      /the gradient of "a.bias" is \[4\], the parameter \[3\]/,
    ],
    [
      () => applyOptimizer(sgd(), states(), new Map([['c', input('g', [4])]])),
      /a gradient for "c", but no such parameter/,
    ],
  ])('%s', (make, message) => {
    expect(make).toThrow(message);
  });
});
