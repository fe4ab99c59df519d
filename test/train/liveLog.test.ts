import { describe, expect, it } from 'vitest';
import type { TrainEvent } from '../../src/train/events.js';
import { LIVE_FILE, type LiveLine, LiveLog } from '../../src/train/liveLog.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { options, stripes, TinyNet } from './support.js';

const device = { backend: 'reference', description: 'reference', threads: 1 } as const;

const start = (more: object = {}): TrainEvent =>
  ({ type: 'start', device, epochs: 2, batchesPerEpoch: 100, ...more }) as unknown as TrainEvent;
const step = (n: number, loss = n): TrainEvent => ({
  type: 'step',
  epoch: 1,
  step: n,
  batch: n,
  batches: 100,
  loss,
  lr: 0.1,
  imagesPerSecond: 10,
  scores: { loss },
});

async function linesOf(storage: MemoryStorage): Promise<LiveLine[]> {
  const text = new TextDecoder().decode(await storage.read(LIVE_FILE));
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LiveLine);
}

describe('the live log', () => {
  it('writes steps twice a second, at most ten points at once: their mean, at the last one', async () => {
    const storage = new MemoryStorage();
    let now = 1000;
    const appended: string[] = [];
    const append = storage.append.bind(storage);
    storage.append = async (name, data) => {
      appended.push(String(data));
      await append(name, data);
    };
    const live = new LiveLog(storage, { pid: 7, host: 'here', now: () => now });
    live.listen(start());
    for (let n = 1; n <= 40; n++) {
      // Writes are under way in between.
      await Promise.resolve();
      live.listen(step(n));
      if (n === 25) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        now += 500;
      }
    }
    await live.close();
    const [first, ...rest] = await linesOf(storage);
    expect(first).toMatchObject({ type: 'start', pid: 7, host: 'here', batches: 100, step: 0, time: 1000 });
    const [a, b] = rest as Extract<LiveLine, { type: 'steps' }>[];
    expect(rest).toHaveLength(2);
    // 26 steps by threes.
    expect(a!.step).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 26]);
    expect(a!.loss).toEqual([2, 5, 8, 11, 14, 17, 20, 23, 25.5]);
    expect(a!.time).toBe(1500);
    expect(b!.step).toEqual([28, 30, 32, 34, 36, 38, 40]);
    expect(appended).toHaveLength(3);
  });

  it('keeps steps before what comes after them, and ends once', async () => {
    const storage = new MemoryStorage();
    const live = new LiveLog(storage, { now: () => 5 });
    live.listen(start());
    live.listen(step(1));
    live.listen({ type: 'evaluate', batch: 3, batches: 4 });
    const record = { epoch: 1, train: { loss: 1 }, lr: 0.1, seconds: 1, imagesPerSecond: 10 };
    live.listen({ type: 'epoch', record, epochs: 2, best: true });
    live.listen({ type: 'warning', message: 'careful' });
    live.listen(step(2));
    live.fail('the disk is full');
    live.fail('again');
    await live.close();
    const lines = await linesOf(storage);
    expect(lines.map((l) => l.type)).toEqual(['start', 'steps', 'evaluate', 'epoch', 'warning', 'steps', 'end']);
    expect(lines[3]).toMatchObject({ record, best: true });
    expect(lines.at(-1)).toEqual({ time: 5, type: 'end', reason: 'failed', message: 'the disk is full' });
  });

  it('begins anew for a new run, goes on in the file of one that is resumed, and can be taken back', async () => {
    const storage = new MemoryStorage();
    // As a crash leaves it.
    await storage.append(LIVE_FILE, '{"time":1,"type":"start"}\n{"time":2,"ty');
    const resumed = new LiveLog(storage);
    resumed.listen(start({ resumed: { epoch: 2, batch: 30 } }));
    await resumed.close();
    const text = new TextDecoder().decode(await storage.read(LIVE_FILE)).split('\n');
    expect(text[0]).toBe('{"time":1,"type":"start"}');
    expect(text[1]).toBe('{"time":2,"ty');
    expect(JSON.parse(text[2]!)).toMatchObject({ type: 'start', step: 130 });
    const fresh = new LiveLog(storage);
    fresh.listen(start());
    await fresh.close();
    expect(await linesOf(storage)).toHaveLength(1);
    await fresh.remove();
    expect(await storage.exists(LIVE_FILE)).toBe(false);
  });

  it('tells a run as the trainer does, and says of a file that cannot be written which it is', async () => {
    const storage = new MemoryStorage();
    const live = new LiveLog(storage);
    const trainer = new Trainer(new TinyNet(), options());
    trainer.on(live.listen);
    const steps: number[] = [];
    trainer.on((event) => event.type === 'step' && steps.push(event.step));
    const result = await trainer.fit(stripes(40), { valid: stripes(10), epochs: 2, batchSize: 8 });
    await live.close();
    const lines = await linesOf(storage);
    const epochs = lines.filter((l) => l.type === 'epoch').map((l) => l.record);
    expect(epochs).toEqual(result.history);
    expect(lines.at(-1)).toMatchObject({ type: 'end', reason: 'done' });
    expect(lines.flatMap((l) => (l.type === 'steps' ? l.step : [])).at(-1)).toBe(steps.at(-1));

    const full = new MemoryStorage();
    full.append = () => Promise.reject(new Error('cannot write live.jsonl: the disk is full'));
    const failing = new LiveLog(full);
    failing.listen(start());
    failing.listen(step(1));
    await expect(failing.close()).rejects.toThrow('cannot write live.jsonl: the disk is full');
  });
});
