import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.js';
import { BatchNorm2d } from '../../src/nn/index.js';
import '../../src/node/storage.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { encodeWeights } from '../../src/train/checkpoint.js';
import { canonicalJson, firstDifference } from '../../src/train/json.js';
import { loadWeights } from '../../src/train/load.js';
import { Monitor } from '../../src/train/monitor.js';
import { RateMeter } from '../../src/train/rate.js';
import { RunDirectory } from '../../src/train/run.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { options, stripes, TinyNet } from './support.js';

const directory = mkdtempSync(join(tmpdir(), 'fovea-files-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('output that cannot be written', () => {
  const go = (out: string | MemoryStorage) =>
    new Trainer(new TinyNet(), options()).fit(stripes(20), { epochs: 2, batchSize: 10, out });

  it('is one sentence before anything is trained', async () => {
    const file = join(directory, 'a-file');
    writeFileSync(file, '');
    await expect(go(join(file, 'run'))).rejects.toThrow(/^cannot \w+ .*a-file\/run.*: .*not a directory$/);
    const blocked = join(directory, 'blocked');
    mkdirSync(join(blocked, 'config.json'), { recursive: true });
    await expect(go(blocked)).rejects.toThrow(`${blocked} already holds a run`);
  });

  it('is told as the disk tells it, and the run can go on when there is room again', async () => {
    class Full extends MemoryStorage {
      room = 3;
      override async writeAtomic(name: string, data: Uint8Array | string) {
        if (this.room-- <= 0) throw new Error(`cannot write runs/f/${name}: the disk is full`);
        await super.writeAtomic(name, data);
      }
    }
    const out = new Full();
    await expect(go(out)).rejects.toThrow('cannot write runs/f/last.safetensors: the disk is full');
    out.room = Number.POSITIVE_INFINITY;
    const trainer = new Trainer(new TinyNet(), options());
    await trainer.fit(stripes(20), { epochs: 2, batchSize: 10, out, resume: true });
    const undisturbed = new MemoryStorage();
    await go(undisturbed);
    expect(await out.read('last.safetensors')).toEqual(await undisturbed.read('last.safetensors'));
  });
});

describe('metrics.jsonl', () => {
  it('leaves out a line that a crash cut short, and keeps what the checkpoint counts', async () => {
    const storage = new MemoryStorage('runs/m');
    const run = new RunDirectory(storage);
    const record = (epoch: number) => ({ epoch, train: { loss: 1 / epoch }, lr: 0.1, seconds: 1, imagesPerSecond: 2 });
    for (const epoch of [1, 2, 3]) await run.appendMetrics(record(epoch));
    await storage.append('metrics.jsonl', '{"epoch":4,"tr');
    expect(await run.readMetrics()).toEqual([1, 2, 3].map(record));
    expect(await run.truncateMetrics(2)).toEqual([1, 2].map(record));
    expect(await run.readMetrics()).toEqual([1, 2].map(record));
    await expect(run.truncateMetrics(3)).rejects.toThrow(
      'runs/m/metrics.jsonl should hold the epochs 1 to 3 that last.safetensors counts, but holds 2: it was changed by hand',
    );
  });
});

describe('weights in the form that PyTorch loads', () => {
  it('hold the batch counter as int64, take it back, and do without it', () => {
    const net = new BatchNorm2d(2);
    net.bindNames();
    const two = (a: number, b: number) => hostTensor(Float32Array.of(a, b), [2]);
    const tensors = new Map([
      ['weight', two(1, 2)],
      ['bias', two(3, 4)],
      ['running_mean', two(5, 6)],
      ['running_var', two(7, 8)],
      ['num_batches_tracked', hostTensor(Int32Array.of(9), [])],
    ]);
    const bytes = encodeWeights(tensors);
    expect(new TextDecoder('latin1').decode(bytes)).toMatch(/"num_batches_tracked":\{"dtype":"I64"/);
    expect(readSafetensors(bytes).metadata).toEqual({ format: 'pt' });
    loadWeights(net, bytes, 'w');
    expect(Object.fromEntries(tensors)).toEqual(net.stateDict());
    tensors.delete('num_batches_tracked');
    loadWeights(net, writeSafetensors(tensors), 'w');
    expect(net.stateDict().num_batches_tracked!.data).toEqual(Int32Array.of(0));
  });
});

describe('canonicalJson', () => {
  it('means the same as JSON, whatever the order of the keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as never;
        expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
        const shuffled = JSON.parse(JSON.stringify(value), (_, v: unknown) =>
          v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).reverse()) : v,
        ) as never;
        expect(canonicalJson(shuffled)).toBe(canonicalJson(plain));
        expect(firstDifference(plain, shuffled)).toBeUndefined();
      }),
    );
  });

  it('names the first place that differs', () => {
    expect(firstDifference({ a: { b: [1, 2] } }, { a: { b: [1, 3] } })).toBe('a.b.1');
    expect(firstDifference({ a: 1 }, { a: 1, c: { d: 1 } })).toBe('c');
    expect(() => canonicalJson(Number.NaN)).toThrow('JSON cannot hold NaN');
  });
});

describe('Monitor', () => {
  const record = (loss: number, epoch = 1) => ({ epoch, train: { loss }, lr: 0, seconds: 0, imagesPerSecond: 0 });

  it('finds the first best epoch and the end of patience, like a plain search', () => {
    const values = fc.array(fc.constantFrom(1, 2, 3, 4, Number.NaN), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(values, fc.boolean(), fc.integer({ min: 1, max: 4 }), (losses, higher, patience) => {
        const monitor = new Monitor({ of: 'train.loss', direction: higher ? 'higher' : 'lower' }, { patience });
        const flags = losses.map((loss, i) => monitor.update(record(loss, i + 1)));
        const better = (a: number, b: number) => (higher ? a > b : a < b);
        let best = Number.NaN;
        let since = 0;
        for (const [i, loss] of losses.entries()) {
          const isBest = Number.isNaN(best) ? !Number.isNaN(loss) : better(loss, best);
          if (isBest) best = loss;
          since = isBest ? 0 : since + 1;
          expect(flags[i]).toEqual({ best: isBest, stop: since >= patience });
        }
        const copy = new Monitor(monitor.options, monitor.stopping);
        copy.restore(JSON.parse(JSON.stringify(monitor.snapshot())));
        expect(copy.best).toEqual(monitor.best);
        expect(copy.exhausted).toBe(monitor.exhausted);
      }),
    );
  });
});

describe('RateMeter', () => {
  it('tells the rate of the last second', () => {
    let time = 0;
    const meter = new RateMeter(() => time);
    for (let i = 0; i < 20; i++) {
      time += 100;
      meter.add(10);
    }
    expect(meter.add(0)).toBeCloseTo(100, 6);
    for (let i = 0; i < 20; i++) {
      time += 100;
      meter.add(30);
    }
    time += 0;
    expect(meter.add(0)).toBeCloseTo(300, 6);
    // Half a second in which the doctor looked.
    time += 500;
    meter.leaveOut(500);
    expect(meter.add(0)).toBeCloseTo(300, 6);
  });
});
