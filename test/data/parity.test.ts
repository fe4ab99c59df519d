import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Image, ImageShape } from '../../src/data/dataset.js';
import { centerCrop, grayscale, pad, resize } from '../../src/data/index.js';
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation } from '../../src/data/transforms/colour.js';
import { inverseAffine, warp } from '../../src/data/transforms/warp.js';

interface Case {
  readonly name: string;
  readonly args: { size: number & [number, number]; padding: [number, number, number, number]; fill: number } & {
    angle: number;
    translate: [number, number];
    scale: number;
    shear: [number, number];
    factor: number;
  };
  readonly shape: ImageShape;
  readonly image: number[];
  readonly outShape: ImageShape;
  readonly out: number[];
}

const cases = JSON.parse(readFileSync(new URL('../fixtures/data.json', import.meta.url), 'utf8')) as Case[];

const OURS: Record<string, (image: Image, args: Case['args']) => Image> = {
  resize: (image, { size }) => resize(size).apply(image, undefined),
  centerCrop: (image, { size }) => centerCrop(size).apply(image, undefined),
  pad: (image, { padding, fill }) => pad(padding, { fill }).apply(image, undefined),
  rotate: (image, { angle }) => warp(image, inverseAffine({ angle: -angle })),
  affine: (image, args) => warp(image, inverseAffine(args)),
  brightness: (image, { factor }) => adjustBrightness(image, factor),
  contrast: (image, { factor }) => adjustContrast(image, factor),
  saturation: (image, { factor }) => adjustSaturation(image, factor),
  hue: (image, { factor }) => adjustHue(image, factor),
  grayscale: (image) => grayscale().apply(image, undefined),
};

/** Largest difference of a byte. torchvision computes in float32 and rounds at other places, hence one step. */
const TOLERANCE: Record<string, number> = { centerCrop: 0, pad: 0 };

describe('transforms agree with torchvision', () => {
  it.each(cases.map((c, i) => [`${c.name} ${JSON.stringify(c.args)} (${i})`, c] as const))('%s', (_, c) => {
    const image: Image = { data: Uint8Array.from(c.image), shape: c.shape };
    const got = OURS[c.name]!(image, c.args);
    expect(got.shape).toEqual(c.outShape);
    let worst = 0;
    for (let i = 0; i < c.out.length; i++) worst = Math.max(worst, Math.abs(got.data[i]! - c.out[i]!));
    expect(worst).toBeLessThanOrEqual(TOLERANCE[c.name] ?? 1);
    expect(image.data).toEqual(Uint8Array.from(c.image));
  });
});
