import { describe, expect, it } from 'vitest';
import type { TrainEvent } from '../../src/train/events.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { options, stripes, TinyNet } from './support.js';

describe('Trainer', () => {
  it('learns, and says what happens in order', async () => {
    const events: TrainEvent[] = [];
    const trainer = new Trainer(new TinyNet(), options());
    trainer.on((e) => events.push(e));
    const out = new MemoryStorage();
    const result = await trainer.fit(stripes(100), { valid: stripes(40, 1), epochs: 4, batchSize: 16, out, seed: 3 });
    console.log(events.slice(0, 3), result, await out.list());
    console.log(
      new TextDecoder().decode(await out.read('metrics.jsonl')),
      new TextDecoder().decode(await out.read('config.json')),
    );
  });
});
