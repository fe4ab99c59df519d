import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Scene } from '../../src/inspect/draw/scene.js';
import { drawArchitecture, findOverlaps, layOut } from '../../src/inspect/index.js';
import { createModel, type ImageShape, modelEntry, modelNames } from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import { Crossed, Residual, Small } from './networks.js';

const drawn = (net: nn.Module, inputShape: ImageShape, title?: string) => layOut(net, { inputShape, title });

describe('the drawing of every registered network', () => {
  it.each(modelNames())('%s: nothing covers anything', (name) => {
    const { inputShape } = modelEntry(name);
    const scene = drawn(createModel(name), inputShape, name);
    expect(findOverlaps(scene)).toEqual([]);
    expect(scene.boxes.length).toBeGreaterThan(4);
    expect(scene.width).toBeLessThan(2200);
  });

  it.each(['vgg11', 'vgg19_bn', 'googlenet', 'unet', 'unet_vgg16'])('%s: on other images too', (name) => {
    for (const shape of [
      [3, 64, 64],
      [3, 97, 131],
      [1, 512, 320],
    ] as const) {
      const scene = drawn(createModel(name, { inputShape: shape, classes: 7 }), shape, name);
      expect(findOverlaps(scene)).toEqual([]);
    }
  });

  it('names what the papers name', () => {
    const words = (name: string) =>
      drawn(createModel(name), modelEntry(name).inputShape)
        .labels.map((l) => l.text)
        .join('\n');
    expect(words('vgg16')).toMatch(/block 3\n3 × 3×3, 256\n56×56/);
    for (const block of ['inception3a', 'inception4e', 'inception5b', 'aux1, in training only'])
      expect(words('googlenet')).toContain(block);
    expect(words('googlenet')).toContain('concat · 832 · 7×7');
    for (const size of ['572²', '30²', '388²']) expect(words('unet_paper')).toContain(size);
    expect(words('unet_paper')).toContain('crop and copy');
    expect(words('lenet5')).toMatch(/C3\n16 @ 10×10/);
  });
});

describe('the drawing of a network of one’s own', () => {
  it('holds whatever its structure', () => {
    for (const [net, shape] of [
      [new Small(), [2, 8, 6]],
      [new Residual(), [1, 6, 5]],
      [new Crossed(), [1, 6, 5]],
      [new nn.Sequential(new nn.Flatten(), new nn.Linear(12, 100), new nn.ReLU(), new nn.Linear(100, 3)), [3, 2, 2]],
    ] as const)
      expect(findOverlaps(drawn(net, shape))).toEqual([]);
  });

  it('holds for chains of any length and width', () => {
    const layer = fc.record({ channels: fc.integer({ min: 1, max: 700 }), pool: fc.boolean(), linear: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(layer, { minLength: 1, maxLength: 14 }),
        fc.integer({ min: 20, max: 300 }),
        (specs, side) => {
          const layers: nn.Module[] = [];
          let channels = 3;
          let size = side;
          for (const spec of specs) {
            layers.push(new nn.Conv2d(channels, spec.channels, { kernel: 3, padding: 1 }), new nn.ReLU());
            channels = spec.channels;
            if (!spec.pool || size < 4) continue;
            layers.push(new nn.MaxPool2d({ kernel: 2 }));
            size = Math.floor(size / 2);
          }
          layers.push(new nn.GlobalAvgPool2d(), new nn.Flatten());
          for (const spec of specs.filter((s) => s.linear)) {
            layers.push(new nn.Linear(channels, spec.channels));
            channels = spec.channels;
          }
          expect(findOverlaps(drawn(new nn.Sequential(...layers), [3, side, side]))).toEqual([]);
        },
      ),
      { numRuns: 40 * Number(process.env.FUZZ_RUNS ?? 1), seed: Number(process.env.FUZZ_SEED ?? 3) },
    );
  });
});

describe('the file', () => {
  it('stands alone, in light and dark', () => {
    const svg = drawArchitecture(createModel('lenet'), { inputShape: [1, 28, 28], title: 'A & B <c>' });
    expect(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"')).toBe(true);
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(svg.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|href|<script|<image/);
    expect(svg).toContain('A &amp; B &lt;c&gt;');
    // Tags are balanced.
    const open = [...svg.matchAll(/<(\w+)[^>]*?(\/?)>/g)].filter((m) => m[2] !== '/').map((m) => m[1]!);
    const closed = [...svg.matchAll(/<\/(\w+)>/g)].map((m) => m[1]!);
    expect(open.sort()).toEqual(closed.sort());
  });
});

describe('the check for overlaps', () => {
  it('finds what covers what', () => {
    const scene = new Scene();
    scene.width = 200;
    scene.height = 100;
    scene.frame('frame', { x: 0, y: 0, width: 100, height: 100 });
    scene.box('inside', { x: 10, y: 10, width: 30, height: 30 }, 'conv');
    scene.text('abc', 150, 50);
    expect(findOverlaps(scene)).toEqual([]);
    scene.box('second', { x: 35, y: 35, width: 20, height: 20 }, 'conv');
    scene.box('across', { x: 90, y: 60, width: 20, height: 20 }, 'conv');
    scene.text('def', 155, 55);
    scene.text('long label over the edge', 190, 90);
    scene.line([
      [120, 45],
      [190, 45],
    ]);
    expect(findOverlaps(scene)).toEqual([
      'the label "long label over the edge" leaves the canvas',
      'the box "frame" and the box "across" overlap',
      'the box "inside" and the box "second" overlap',
      'the label "abc" and the label "def" overlap',
      'a line runs through the label "abc"',
      'a line runs through the label "def"',
      expect.stringContaining('long label'),
    ]);
  });
});
