import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { classScores, commonMixups, confusionChart } from '../../src/report/confusion.js';
import { curveChart, curveNames } from '../../src/report/curves.js';
import type { ReportData } from '../../src/report/data.js';
import { formatDuration, formatNumber, formatPercent, formatPlain, metricTitle } from '../../src/report/format.js';
import { fitLettering, hasGlyph, lettering, letteringWidth } from '../../src/report/lettering.js';
import { writeReport } from '../../src/report/report.js';
import { chooseSamples, isWrong, type Sample } from '../../src/report/samples.js';
import { sampleSheet } from '../../src/report/sheet.js';
import type { EpochRecord } from '../../src/train/events.js';
import { MemoryStorage } from '../../src/train/storage.js';

const record = (epoch: number, loss: number, extra: object = {}): EpochRecord => ({
  epoch,
  train: { loss, accuracy: 0.5 },
  valid: { loss: loss + 0.1, accuracy: 0.4 },
  lr: 0.01,
  seconds: 2,
  imagesPerSecond: 1000,
  ...extra,
});

const sample = (extra: Partial<Sample> = {}): Sample => ({
  image: Uint8Array.from({ length: 30 }, (_, i) => i * 8),
  shape: [1, 5, 6],
  index: 0,
  truth: 1,
  predicted: 1,
  probability: 0.9,
  ...extra,
});

/** Coordinates of the points of a chart's first series, from its path. */
const linePoints = (svg: string, set: string) => {
  const d = new RegExp(`aria-label="[^"]*set: ${set}"[^>]*aria-roledescription="line mark" d="([^"]*)"`).exec(svg)?.[1];
  return [...(d ?? '').matchAll(/[ML]([\d.-]+),([\d.-]+)/g)].map((m) => [Number(m[1]), Number(m[2])] as const);
};

describe('numbers in words', () => {
  it.each([
    [0.98912, '98.91 %'],
    [1, '100.00 %'],
    [0.99999, '99.99 %'],
    [0, '0.00 %'],
    [Number.NaN, 'n/a'],
  ])('%s is %s', (value, text) => expect(formatPercent(value)).toBe(text));
  it.each([
    [0, '0'],
    [0.034567, '0.03457'],
    [12.34567, '12.35'],
    [0.0000123, '1.23e-5'],
    [1e-5, '1e-5'],
    [2.5e9, '2.5e9'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ])('%s is %s', (value, text) => expect(formatNumber(value)).toBe(text));
  it.each([
    [0.42, '0.4 s'],
    [9.96, '10 s'],
    [59.6, '1 min 00 s'],
    [185, '3 min 05 s'],
    [7800, '2 h 10 min'],
    [-1, 'n/a'],
  ])('%s seconds is %s', (value, text) => expect(formatDuration(value)).toBe(text));
  it('has no trailing zeros in settings', () =>
    expect([0.01, 100, 1.5, 1e-8].map(formatPlain)).toEqual(['0.01', '100', '1.5', '1e-8']));
  it('calls metrics by their names', () =>
    expect(
      ['accuracy', 'f1', 'iou', 'top5', 'balancedAccuracy', 'iou_per_image', 'boundary_f1'].map(metricTitle),
    ).toEqual(['Accuracy', 'F1', 'IoU', 'Top5', 'Balanced accuracy', 'IoU per image', 'Boundary F1']));
});

describe('the choice of samples', () => {
  const verdict = fc.record({
    truth: fc.integer({ min: 0, max: 3 }),
    predicted: fc.integer({ min: 0, max: 3 }),
    probability: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  it('fills the sheet, mistakes first, the surest before the others, never twice', () => {
    fc.assert(
      fc.property(fc.array(verdict, { maxLength: 80 }), fc.integer({ min: 1, max: 40 }), (verdicts, count) => {
        const chosen = chooseSamples(verdicts, count);
        expect(chosen).toHaveLength(Math.min(count, verdicts.length));
        expect(new Set(chosen).size).toBe(chosen.length);
        const picked = chosen.map((i) => verdicts[i]!);
        const wrong = picked.filter(isWrong);
        expect(picked.slice(0, wrong.length)).toEqual(wrong);
        const all = verdicts.filter(isWrong).length;
        expect(wrong.length).toBeGreaterThanOrEqual(Math.min(all, Math.floor(count / 2)));
        for (let i = 1; i < wrong.length; i++)
          expect(wrong[i]!.probability).toBeLessThanOrEqual(wrong[i - 1]!.probability);
        const left = verdicts.filter((v, i) => isWrong(v) && !chosen.includes(i));
        for (const v of left) expect(v.probability).toBeLessThanOrEqual(wrong.at(-1)?.probability ?? 1);
      }),
    );
  });
});

describe('classes', () => {
  const counts = [
    [8, 2, 0],
    [1, 3, 0],
    [0, 0, 0],
  ];
  it('have precision, recall and F1', () => {
    const [a, b, c] = classScores(counts, ['a', 'b', 'c']);
    expect(a).toMatchObject({ count: 10, precision: 8 / 9, recall: 0.8 });
    expect(a!.f1).toBeCloseTo((2 * (8 / 9) * 0.8) / (8 / 9 + 0.8), 12);
    expect(b).toMatchObject({ count: 4, precision: 0.6, recall: 0.75 });
    expect([c!.count, c!.precision, c!.recall]).toEqual([0, Number.NaN, Number.NaN]);
  });
  it('are confused most in this order', () =>
    expect(commonMixups(counts, ['a', 'b', 'c'])).toEqual([
      { truth: 'a', predicted: 'b', count: 2 },
      { truth: 'b', predicted: 'a', count: 1 },
    ]));
});

describe('curves', () => {
  it('draw the values where they are', async () => {
    const { file } = await curveChart([record(1, 1), record(2, 0.5), record(3, 0.75)], 'loss', 2);
    const [a, b, c] = linePoints(file, 'training');
    expect([a![0], b![0], c![0]]).toEqual([0, 220, 440]);
    // Down is up: 0.75 lies half way between 1 and 0.5.
    expect(c![1] - a![1]).toBeCloseTo((b![1] - a![1]) / 2, 2);
    expect(linePoints(file, 'validation')).toHaveLength(3);
    expect(file).toContain('best: 2');
  });
  it('leave gaps where a value is not finite, and may have one epoch only', async () => {
    const { file } = await curveChart([record(1, 1), record(2, Number.NaN), record(3, 0.5)], 'loss');
    expect(linePoints(file, 'training')).toHaveLength(2);
    const single = await curveChart([record(1, 1, { valid: undefined })], 'loss');
    expect((await sharp(Buffer.from(single.file)).metadata()).format).toBe('svg');
  });
  it('are drawn for every single number', () =>
    expect(curveNames([record(1, 1, { train: { loss: 1, f1: 0.2, confusion: [[1]] } })])).toEqual([
      'loss',
      'f1',
      'accuracy',
    ]));
});

describe('the confusion matrix', () => {
  const cells = (svg: string) => [
    ...svg.matchAll(/aria-label="predicted: [^"]*" role="graphics-symbol" aria-roledescription="rect mark"/g),
  ];
  it('has a cell for each pair, also of classes that are called the same', async () => {
    const { file } = await confusionChart(
      [
        [5, 1],
        [0, 4],
      ],
      ['cat', 'cat'],
    );
    expect(cells(file)).toHaveLength(4);
    expect(file).toContain('cat (2)');
  });
  it('is drawn for many classes', async () => {
    const names = Array.from({ length: 60 }, (_, i) => `class ${i}`);
    const { file } = await confusionChart(
      names.map((_, t) => names.map((_, p) => (t === p ? 3 : 0))),
      names,
    );
    expect(cells(file)).toHaveLength(3600);
    expect((await sharp(Buffer.from(file)).metadata()).width).toBeLessThan(1400);
  });
});

describe('the sheet of samples', () => {
  it('shows each image and frames the wrong ones', async () => {
    const right = await sharp(await sampleSheet([sample()], ['a', 'b'], 'x'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const wrong = await sharp(await sampleSheet([sample({ truth: 0 })], ['a', 'b'], 'x'))
      .raw()
      .toBuffer();
    const { width, channels } = right.info;
    const at = (data: Buffer, x: number, y: number) => [
      ...data.subarray((y * width + x) * channels, (y * width + x) * channels + 3),
    ];
    // The tile begins 24 + 12 units to the right and 24 + 58 down, two pixels each; the frame lies around it.
    expect(at(wrong, 2 * 36 + 40, 2 * 82 - 3)).toEqual([0xc9, 0x3a, 0x40]);
    expect(at(right.data, 2 * 36 + 40, 2 * 82 - 3)).toEqual([255, 255, 255]);
    // The last pixel of the image, 29 * 8, grey.
    expect(at(right.data, 2 * 36 + 2 * 96 - 8, 2 * 82 + 2 * 96 - 30)).toEqual([232, 232, 232]);
  });
});

describe('lettering', () => {
  it('has what English class names need', () => {
    const missing = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter((c) => !hasGlyph(c));
    expect(missing.join('')).toBe('$@^`{}~');
  });
  it('fits any text into its place, as much of it as there is room for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 20, max: 200 }), (text, width) => {
        const fitted = fitLettering(text, 12, width);
        expect(letteringWidth(fitted, 12)).toBeLessThanOrEqual(width);
        if (letteringWidth(text, 12) <= width) expect(fitted).toBe(text);
      }),
    );
  });
  it('writes letters with accents plainly', () =>
    expect(lettering('Größe é', { x: 0, y: 0, size: 10, colour: '#000' })).toBe(
      lettering('Grosse e', { x: 0, y: 0, size: 10, colour: '#000' }),
    ));
});

describe('the page', () => {
  const evil = `<script>alert("x")</script> & 'co'`;
  const data: ReportData = {
    title: evil,
    location: evil,
    history: [record(1, 1), record(2, 0.5)],
    best: { epoch: 2, value: 0.6, monitor: 'valid.loss' },
    evaluation: {
      split: 'test',
      images: 100,
      weights: 'best',
      loss: 0.25,
      metrics: { accuracy: 0.93 },
      confusion: [
        [45, 5],
        [2, 48],
      ],
      samples: [sample({ truth: 0 }), sample({ shape: [3, 2, 5], index: 7 })],
    },
    classes: [evil, 'b'],
    parameters: 1234567,
    device: { backend: 'reference', description: 'reference (TypeScript)', threads: 1 },
    configuration: [['data', evil]],
    command: evil,
    written: '2026-01-01 12:00',
    versions: { fovea: '0.1.0' },
  };

  it('writes every picture and holds what was measured', async () => {
    const storage = new MemoryStorage();
    const files = await writeReport(storage, data);
    expect(files).toEqual(['loss.svg', 'accuracy.svg', 'confusion.svg', 'samples.png', 'report.html']);
    for (const file of files.slice(0, 3)) {
      const svg = Buffer.from((await storage.read(file))!);
      expect((await sharp(svg).metadata()).format).toBe('svg');
      expect(svg.includes('prefers-color-scheme:dark')).toBe(true);
    }
    const html = Buffer.from((await storage.read('report.html'))!).toString();
    for (const text of [
      '93.00 %</b><span>test accuracy',
      '0.2500',
      '<b>7</b><span>wrong of 100',
      '1,234,567',
      'best epoch of 2',
    ])
      expect(html.includes(text), text).toBe(true);
  });

  it('takes no name for markup', async () => {
    const storage = new MemoryStorage();
    for (const file of await writeReport(storage, data)) {
      const content = Buffer.from((await storage.read(file))!).toString('latin1');
      expect(content.includes('<script>'), file).toBe(false);
    }
  });

  it('does without validation, without an evaluation, without a single epoch', async () => {
    const { evaluation: _, best: __, ...rest } = data;
    expect(await writeReport(new MemoryStorage(), { ...rest, history: [] })).toEqual(['report.html']);
    const alone = [record(1, 1, { valid: undefined })];
    expect(await writeReport(new MemoryStorage(), { ...rest, history: alone })).toEqual([
      'loss.svg',
      'accuracy.svg',
      'report.html',
    ]);
  });
});
