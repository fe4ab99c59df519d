import { afterAll, describe, expect, test } from 'vitest';
import type { Backend, ProfiledStep } from '../../src/backends/backend.js';
import { createNativeBackend, nativeInfo } from '../../src/backends/native/index.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { chromeTrace } from '../../src/inspect/chromeTrace.js';
import { kindOf, summarise } from '../../src/inspect/profile.js';
import { Profiler } from '../../src/inspect/profiler.js';
import { profileTables } from '../../src/inspect/profileTable.js';
import { createModel } from '../../src/models/index.js';
import { openWorkload } from '../../src/train/workload.js';

const step = (given: Partial<ProfiledStep>): ProfiledStep => ({
  op: 'add',
  label: '',
  phase: 'forward',
  impl: 'fused:avx512',
  flops: 0,
  bytes: 0,
  ms: 1,
  ...given,
});

/** A convolution with batch norm + ReLU, whose ReLU only works in the backward pass. */
const run = (scale: number): ProfiledStep[] => [
  step({ op: 'reorder', label: 'body.0', ms: 1 * scale }),
  step({ op: 'conv2d', label: 'body.0', ms: 4 * scale, flops: 2e9, bytes: 1e6 }),
  step({ op: 'batchNorm', label: 'body.1', ms: 2 * scale, bytes: 20e6 }),
  step({ op: 'maxPool2d', label: 'body.3', ms: 1 * scale, bytes: 10e6 }),
  step({ op: 'crossEntropy', phase: 'loss', ms: 0.5 * scale }),
  step({ op: 'maxPool2dGrad', label: 'body.3', phase: 'backward', ms: 1 * scale, bytes: 10e6 }),
  step({ op: 'mul+where', label: 'body.2', phase: 'backward', ms: 0.5 * scale, bytes: 10e6 }),
  step({ op: 'batchNormGrad', label: 'body.1', phase: 'backward', ms: 3 * scale, bytes: 30e6 }),
  step({ op: 'conv2dWeightGrad', label: 'body.0', phase: 'backward', ms: 6 * scale, flops: 2e9, bytes: 1e6 }),
  step({ op: 'mul+add', label: 'body.0', phase: 'update', ms: 1 * scale, bytes: 1e6 }),
];
const attainable = { gflops: 200, gigabytesPerSecond: 20 };

describe('a profile', () => {
  const profile = summarise([run(1), run(100), run(1)], { attainable });

  test('takes the median of each step and adds up by part, kind and layer', () => {
    expect(profile).toMatchObject({
      runs: 3,
      steps: 10,
      ms: 20,
      phases: { forward: 8, loss: 0.5, backward: 10.5, update: 1 },
    });
    expect(profile.kinds.map(({ name, ms }) => [name, ms])).toEqual([
      ['convolution', 10],
      ['batch norm', 5],
      ['pooling', 2],
      ['change of layout', 1],
      ['update', 1],
      ['loss', 0.5],
      ['element-wise', 0.5],
    ]);
    for (const rows of [profile.kinds, profile.layers]) {
      expect(rows.reduce((sum, r) => sum + r.ms, 0)).toBeCloseTo(20, 9);
      expect(rows.reduce((sum, r) => sum + r.share, 0)).toBeCloseTo(1, 9);
      for (const r of rows) expect(Object.values(r.phases).reduce((a, b) => a + b)).toBeCloseTo(r.ms, 9);
    }
  });

  test('has the layers in the order of the network, one that works only backward before its successor', () => {
    expect(profile.layers.map((r) => r.name)).toEqual(['body.0', 'body.1', 'body.2', 'body.3', '(loss)']);
    const folded = summarise([run(1)], { depth: 1 });
    expect(folded.layers.map((r) => [r.name, r.ms])).toEqual([
      ['body', 19.5],
      ['(loss)', 0.5],
    ]);
  });

  test('compares with what the machine could do', () => {
    const kind = (name: string) => profile.kinds.find((r) => r.name === name)!;
    // 4 GFLOP in 10 ms are 400 GFLOP/s; at 200 they take 20 ms.
    expect(kind('convolution').gflops).toBeCloseTo(400, 6);
    expect(kind('convolution').efficiency).toBeCloseTo(2, 6);
    // 50 MB at 20 GB/s take 2.5 ms of the 5.
    expect(kind('batch norm')).toMatchObject({ gflops: null, efficiency: expect.closeTo(0.5, 6) });
    expect(kind('change of layout').efficiency).toBeNull();
    expect(profile.gflops).toBeCloseTo(200, 6);
    expect(summarise([run(1)]).kinds.every((r) => r.efficiency === null)).toBe(true);
  });

  test('is shown in 100 columns, with few rows however many layers there are', () => {
    const { kinds, layers } = profileTables(profile);
    expect(kinds[0]).toEqual(['kind', 'forward', 'loss', 'backward', 'update', 'ms', 'share', 'GFLOP/s', 'of limit']);
    expect(kinds[1]).toEqual(['convolution', '4.00', '', '6.00', '', '10.0', '50.0 %', '400', '200 %']);
    expect(kinds.at(-1)!.slice(0, 6)).toEqual(['all', '8.00', '0.500', '10.5', '1.00', '20.0']);
    expect(layers[1]![0]).toBe('body.0');
    const many = Array.from({ length: 100 }, (_, i) => step({ op: 'conv2d', label: `l${i}`, ms: i + 1, flops: 1 }));
    const long = profileTables(summarise([many])).layers;
    expect(long).toHaveLength(31);
    expect(long.at(-1)![0]).toBe('(71 others)');
    expect(long[1]![0]).toBe('l71');
    // Inference has one part only: no columns for parts.
    expect(long[0]).toEqual(['layer', 'ms', 'share', 'GFLOP/s', 'of limit']);
  });

  test('needs a run', () => {
    expect(() => summarise([])).toThrow('at least one measured run');
  });

  test('every step has a kind', () => {
    expect(kindOf(step({ op: 'convTranspose2d' }))).toBe('convolution');
    expect(kindOf(step({ op: 'matmul' }))).toBe('matrix product');
    expect(kindOf(step({ op: 'isFinite', phase: 'update' }))).toBe('update');
    expect(kindOf(step({ op: 'concat' }))).toBe('copy');
    expect(kindOf(step({ op: 'sum', phase: 'backward' }))).toBe('reduction');
    expect(kindOf(step({ op: 'mul+add+relu' }))).toBe('element-wise');
  });
});

test('a trace has one lane a part, events one after the other, and names for the lanes', () => {
  const { traceEvents } = JSON.parse(chromeTrace([run(1), run(2)], 'net'));
  const named = traceEvents.filter((e: { name: string }) => e.name === 'thread_name');
  expect(named.map((e: { args: { name: string } }) => e.args.name)).toEqual([
    'runs',
    'forward',
    'loss',
    'backward',
    'update',
  ]);
  const events = traceEvents.filter((e: { ph: string; tid: number }) => e.ph === 'X' && e.tid > 0);
  expect(events).toHaveLength(20);
  for (const [i, e] of events.entries()) {
    expect(e.ts).toBeCloseTo(i === 0 ? 0 : events[i - 1].ts + events[i - 1].dur, 6);
    expect(e.tid).toBe(['', 'forward', 'loss', 'backward', 'update'].indexOf(run(1)[i % 10]!.phase));
  }
  expect(events[1]).toMatchObject({ name: 'body.0: conv2d', cat: 'convolution', ts: 1000, dur: 4000 });
  expect(events[1].args['GFLOP/s']).toBe(500);
  const runs = traceEvents.filter((e: { cat?: string }) => e.cat === 'run');
  expect(runs.map((e: { ts: number; dur: number }) => [e.ts, e.dur])).toEqual([
    [0, 20_000],
    [20_000, 40_000],
  ]);
});

describe('a profiler', () => {
  const native = createNativeBackend({ threads: 1 });
  afterAll(() => native.dispose());
  const work = (backend: Backend) =>
    openWorkload(createModel('lenet5'), backend, { inputShape: [1, 28, 28], batch: 4, mode: 'train' });

  test('measures the runs it was told to and changes no bit of any', async () => {
    const profiler = new Profiler(native, {
      warmUp: 1,
      runs: 2,
      part: (n) => (n.startsWith('train ') ? 'x' : undefined),
    });
    const [watched, plain] = [await work(profiler.backend), await work(native)];
    const losses: number[] = [];
    for (let i = 0; i < 5; i++) {
      expect(profiler.done).toBe(i >= 3);
      const [a, b] = [await watched.run(), await plain.run()];
      expect(a.loss!.data).toEqual(b.loss!.data);
      losses.push(a.loss!.data[0]!);
    }
    expect(new Set(losses).size).toBe(5);
    const name = 'features.0.weight';
    expect((await watched.store.get(name)).data).toEqual((await plain.store.get(name)).data);
    const { measured } = profiler;
    expect(measured).toHaveLength(2);
    const flops = measured[0]!.reduce((sum, s) => sum + s.flops, 0);
    expect(flops).toBe(watched.flops);
    expect(measured[1]!.map((s) => s.op)).toEqual(measured[0]!.map((s) => s.op));
    watched.dispose();
    plain.dispose();
  });

  test('waits when it is paused; a program that is compiled again takes the place of one that was not measured', async () => {
    const part = (name: string) => (name.startsWith('train ') ? 'x' : undefined);
    const profiler = new Profiler(native, { warmUp: 0, runs: 1, paused: true, part });
    const [first, again] = [await work(profiler.backend), await work(profiler.backend)];
    await again.run();
    expect([profiler.done, profiler.measured]).toEqual([false, []]);
    profiler.start();
    await first.run();
    expect(profiler.done).toBe(false);
    await again.run();
    expect([profiler.done, profiler.measured.length]).toEqual([true, 1]);
    first.dispose();
    again.dispose();
  });

  test('is refused where steps cannot be timed', () => {
    expect(() => new Profiler(createReferenceBackend(), { part: () => 'x' })).toThrow(
      'a profile needs the native device',
    );
  });
});

test('a workload tells its memory as it is now: layouts of weights are made by the first run', async () => {
  const backend = createNativeBackend({ threads: 1 });
  const info = nativeInfo();
  try {
    const inputShape = [3, 32, 32] as const;
    for (const mode of ['train', 'infer'] as const) {
      const net = createModel('unet', { features: [16, 32], classes: 1, inputShape });
      const work = await openWorkload(net, backend, { inputShape, batch: 2, mode });
      const before = work.programBytes;
      await work.run();
      expect(before).toBeGreaterThan(0);
      expect(work.programBytes).toBeGreaterThanOrEqual(before);
      // In prediction each convolution's weights are prepared once, transformed or in another layout.
      if (mode === 'infer' && info.ok && info.isa === 'AVX-512') expect(work.programBytes).toBeGreaterThan(before);
      work.dispose();
    }
  } finally {
    backend.dispose();
  }
});
