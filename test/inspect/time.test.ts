import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { analyse, formatSeconds, measureSpeed, predictTime, shortBytes, shortCount } from '../../src/inspect/index.js';
import { createModel } from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import { sgd } from '../../src/optim/index.js';

describe('the predicted time', () => {
  const speed = { gflops: 100, plainGflops: 50, gigabytesPerSecond: 1e9 };

  it('is work over the rate that fits the layer', () => {
    const net = new nn.Sequential(
      new nn.Conv2d(16, 8, { kernel: 3, padding: 1 }),
      new nn.Conv2d(8, 4, { kernel: 3, padding: 1 }),
      new nn.Conv2d(4, 2, { kernel: 1 }),
    );
    const analysis = analyse(net, { inputShape: [16, 10, 10], batch: 4 });
    // Memory costs nothing here. The first convolution is of the fast kind, the others have too few channels.
    const fast = (2 * 100 * 16 * 8 * 9) / 100e9;
    const plain = (2 * 100 * (8 * 4 * 9 + 4 * 2)) / 50e9;
    const predicted = predictTime(analysis, speed);
    expect(predicted.inferenceSeconds).toBeCloseTo(fast + plain, 12);
    expect(predicted.trainingStepSeconds).toBeCloseTo(3 * 4 * (fast + plain), 11);
  });

  it('is that of the memory where there is little to compute', () => {
    const net = new nn.Sequential(new nn.Flatten(), new nn.Linear(100, 50));
    const analysis = analyse(net, { inputShape: [1, 10, 10], batch: 1, optimizer: sgd({ momentum: 0.9 }) });
    const predicted = predictTime(analysis, { gflops: 1e9, plainGflops: 1e9, gigabytesPerSecond: 2 });
    expect(predicted.inferenceSeconds).toBeCloseTo((2 * 4 * 50 + 4 * 5050) / 2e9, 12);
    expect(predicted.trainingStepSeconds).toBeCloseTo((3 * 4 * 5050 + 3 * 2 * 4 * 50) / 2e9, 12);
  });

  it('does not count in use what runs in training only', () => {
    const withHeads = analyse(createModel('googlenet'), { inputShape: [3, 224, 224], batch: 1 });
    const without = analyse(createModel('googlenet', { auxLogits: false }), { inputShape: [3, 224, 224], batch: 1 });
    const [a, b] = [predictTime(withHeads, speed), predictTime(without, speed)];
    expect(a.inferenceSeconds).toBeCloseTo(b.inferenceSeconds, 9);
    expect(a.trainingStepSeconds).toBeGreaterThan(b.trainingStepSeconds);
  });

  it('is measured on a device', async () => {
    const measured = await measureSpeed(createReferenceBackend());
    for (const value of Object.values(measured)) {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(1000);
    }
  });
});

describe('numbers for people', () => {
  it('are short', () => {
    expect([0, 999, 1000, 15_470_264_320, 999_600, 61_706, 2e12].map(shortCount)).toEqual([
      '0',
      '999',
      '1.00 k',
      '15.5 G',
      '1.00 M',
      '61.7 k',
      '2.00 T',
    ]);
    expect([0, 1023, 1024, 553_430_176, 3 * 2 ** 30].map(shortBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '527.8 MiB',
      '3.0 GiB',
    ]);
    expect([0.0000021, 0.0123, 1.5, 90].map(formatSeconds)).toEqual(['2.10 us', '12.3 ms', '1.50 s', '1.5 min']);
  });
});
