import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Untouched } from '../../src/cli/untouched.js';
import { crc32c } from '../../src/io/crc32.js';
import { EventLog, hasEventFiles } from '../../src/train/eventLog.js';
import type { TrainEvent } from '../../src/train/events.js';
import type { FitOptions } from '../../src/train/options.js';
import '../../src/node/storage.js';
import { MemoryStorage, openStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { options, stripes, TinyNet } from './support.js';

interface Read {
  readonly step: number;
  readonly version?: string;
  readonly session?: boolean;
  readonly scalars: Record<string, number>;
}

/** As TFRecord masks sums: turned by 15 bits, and a constant added. */
const masked = (data: Uint8Array): number => {
  const c = crc32c(data);
  return (((c >>> 15) | (c << 17)) + 0xa282ead8) >>> 0;
};

/** A reader of event files of its own: checks lengths and sums, then takes the messages apart. */
function readEvents(file: Uint8Array): Read[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const found: Read[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(view.getUint32(at + 8, true)).toBe(masked(file.subarray(at, at + 8)));
    expect(view.getUint32(at + 12 + length, true)).toBe(masked(data));
    found.push(readEvent(data));
    at += 16 + length;
  }
  return found;
}

function fields(data: Uint8Array): { field: number; value: number | Uint8Array }[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const found: { field: number; value: number | Uint8Array }[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = data[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < data.length) {
    const key = varint();
    const [field, wire] = [key >> 3, key & 7];
    if (wire === 0) found.push({ field, value: varint() });
    else if (wire === 1) found.push({ field, value: view.getFloat64((at += 8) - 8, true) });
    else if (wire === 5) found.push({ field, value: view.getFloat32((at += 4) - 4, true) });
    else {
      const length = varint();
      found.push({ field, value: data.subarray(at, (at += length)) });
    }
  }
  return found;
}

function readEvent(data: Uint8Array): Read {
  const decode = (bytes: unknown) => new TextDecoder().decode(bytes as Uint8Array);
  const all = fields(data);
  const at = (field: number) => all.find((f) => f.field === field)?.value;
  expect(at(1)).toBeGreaterThan(1e9);
  const scalars: Record<string, number> = {};
  for (const { value } of at(5) ? fields(at(5) as Uint8Array) : []) {
    const [tag, number] = fields(value as Uint8Array);
    scalars[decode(tag!.value)] = number!.value as number;
  }
  return {
    step: (at(2) as number | undefined) ?? 0,
    ...(at(3) ? { version: decode(at(3)) } : {}),
    ...(at(7) ? { session: fields(at(7) as Uint8Array)[0]!.value === 1 } : {}),
    scalars,
  };
}

describe('TensorBoard event files', () => {
  it('sums as CRC-32C does', () => {
    // The check value of the catalogue of CRCs, and RFC 3720 (iSCSI), B.4.
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  });

  const [train, valid] = [stripes(40), stripes(16, 1)];
  let clock = 1_700_000_000_000;
  const run = async (out: MemoryStorage, more: Partial<FitOptions> = {}, onEvent?: (e: TrainEvent) => void) => {
    const log = new EventLog(out, { every: 2, now: () => (clock += 300) });
    const trainer = new Trainer(new TinyNet(), options());
    trainer.on(log.listen);
    if (onEvent) trainer.on(onEvent);
    const result = await trainer.fit(train, { valid, epochs: 3, batchSize: 8, seed: 1, out, ...more });
    await log.close();
    return result;
  };
  const files = async (out: MemoryStorage) => (await out.list()).filter((f) => f.includes('tfevents'));

  it('hold the steps and the epochs of a run, at the right steps', async () => {
    const out = new MemoryStorage();
    expect(await hasEventFiles(out)).toBe(false);
    const losses: number[] = [];
    const { history } = await run(out, {}, (e) => e.type === 'step' && losses.push(e.loss));
    const [name, ...rest] = await files(out);
    expect(rest).toEqual([]);
    expect(name).toMatch(/^events\.out\.tfevents\.17\d{8}\.fovea$/);
    const [header, ...events] = readEvents((await out.read(name!))!);
    expect(header!.version).toBe('brain.Event:2');
    const steps = events.filter((e) => 'step/loss' in e.scalars);
    expect(steps.map((e) => e.step)).toEqual([1, 2, 4, 6, 8, 10, 12, 14]);
    for (const { step, scalars } of steps) {
      expect(scalars['step/loss']).toBe(Math.fround(losses[step - 1]!));
      expect(scalars['step/learning rate']).toBe(Math.fround(0.05));
    }
    const epochs = events.filter((e) => 'loss/valid' in e.scalars);
    expect(epochs.map((e) => e.step)).toEqual([5, 10, 15]);
    for (const [i, { scalars }] of epochs.entries())
      expect(scalars).toMatchObject({
        'loss/train': Math.fround(history[i]!.train.loss),
        'loss/valid': Math.fround(history[i]!.valid!.loss),
        'accuracy/valid': Math.fround(history[i]!.valid!.accuracy as number),
        'run/epoch': i + 1,
      });
  });

  it('a run that goes on writes a new file, which says from which step it counts; a new run takes the old ones away', async () => {
    const out = new MemoryStorage();
    const stop = new AbortController();
    await run(out, { signal: stop.signal }, (e) => e.type === 'step' && e.step === 7 && stop.abort());
    const [first] = await files(out);
    await run(out, { resume: true });
    const both = await files(out);
    expect(both).toHaveLength(2);
    expect(both[0]).toBe(first);
    const [header, session, ...events] = readEvents((await out.read(both[1]!))!);
    const before = readEvents((await out.read(first!))!).at(-1)!.step;
    expect(header!.version).toBe('brain.Event:2');
    expect(session!.session).toBe(true);
    expect(session!.step).toBeGreaterThan(before - 1);
    expect(session!.step).toBeLessThanOrEqual(9);
    expect(events.filter((e) => 'loss/train' in e.scalars).map((e) => e.step)).toEqual([10, 15]);
    await run(out, { overwrite: true });
    expect(await files(out)).toHaveLength(1);
    expect(await files(out)).not.toContain(first);
  });

  it('go with a run that leaves nothing, also while they are being written; the files of others stay', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fovea-events-'));
    try {
      const step = { type: 'step', epoch: 1, step: 1, loss: 1, lr: 0.1 } as TrainEvent;
      for (const there of [false, true]) {
        const out = join(dir, 'run');
        if (there) await openStorage(out).append('events.out.tfevents.1.other', 'not ours');
        const untouched = new Untouched(out);
        const log = new EventLog(openStorage(out));
        log.listen({ type: 'start', batchesPerEpoch: 5, resumed: { epoch: 1, batch: 0 } } as TrainEvent);
        log.listen(step);
        log.listen({ type: 'stopped' } as TrainEvent);
        await untouched.restore([log]);
        if (there) expect(readdirSync(out)).toEqual(['events.out.tfevents.1.other']);
        else expect(existsSync(out)).toBe(false);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('tells which file could not be written', async () => {
    class Full extends MemoryStorage {
      override async append(name: string, data: Uint8Array | string): Promise<void> {
        if (name.includes('tfevents')) throw new Error(`cannot write ${name}: the disk is full`);
        await super.append(name, data);
      }
    }
    await expect(run(new Full())).rejects.toThrow(/cannot write events\.out\.tfevents\.\d+\.fovea: the disk is full/);
  });
});
