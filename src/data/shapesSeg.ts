import { type PortableDataset, registerKind } from './dataset.js';
import { GeneratedMasks, type GeneratedOptions } from './generated.js';
import type { RandomStream } from './rng.js';
import { DISTANCE } from './shapes.js';

/** Classes of the masks, by number. */
export const SHAPES_SEG_CLASSES = ['background', 'circle', 'cross'] as const;

const FIGURES = ['circle', 'cross'] as const;

/**
 * Circles and crosses of any place, size, turn and colour, up to three in an image, on a noisy, unevenly lit background:
 * three classes with the background. A pixel belongs to a figure if its centre does.
 *
 *     const data = new ShapesSegDataset({ images: 200, size: 48, seed: 1 });
 */
export class ShapesSegDataset extends GeneratedMasks {
  readonly name = 'shapes-seg';
  readonly classes: readonly string[] = SHAPES_SEG_CLASSES;

  /** Defaults: 600 images of 3 x 64 x 64, noise 0.06. */
  constructor(options: GeneratedOptions = {}) {
    super('shapes-seg', options, { images: 600, size: 64, channels: 3, noise: 0.06 });
  }

  protected draw(random: RandomStream, values: Float32Array, mask: Uint8Array): void {
    const [channels, height, width] = this.inputShape;
    const area = height * width;
    const side = Math.min(height, width);
    const ground = Array.from({ length: channels }, () => random.between(0.2, 0.8));
    const slopeX = random.between(-0.2, 0.2) / width;
    const slopeY = random.between(-0.2, 0.2) / height;
    for (let c = 0, i = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          values[i++] = ground[c]! + slopeX * (x + 0.5 - width / 2) + slopeY * (y + 0.5 - height / 2);
    const taken: [x: number, y: number, radius: number][] = [];
    const wanted = 1 + random.below(3);
    for (let attempt = 0; attempt < 20 && taken.length < wanted; attempt++) {
      const radius = side * random.between(0.15, 0.28);
      const cx = random.between(radius * 0.8, width - radius * 0.8);
      const cy = random.between(radius * 0.8, height - radius * 0.8);
      if (taken.some(([x, y, r]) => Math.hypot(x - cx, y - cy) < 1.1 * (r + radius))) continue;
      taken.push([cx, cy, radius]);
      const figure = random.below(FIGURES.length);
      const distance = DISTANCE[FIGURES[figure]!];
      const angle = random.between(0, 2 * Math.PI);
      const cos = Math.cos(angle) / radius;
      const sin = Math.sin(angle) / radius;
      const contrast = random.between(0.25, 0.5);
      const colour = ground.map((g) => (g < 0.5 ? g + contrast : g - contrast));
      const reach = 1.2 * radius + 1;
      const y1 = Math.min(height, Math.ceil(cy + reach));
      const x1 = Math.min(width, Math.ceil(cx + reach));
      for (let y = Math.max(0, Math.floor(cy - reach)); y < y1; y++) {
        for (let x = Math.max(0, Math.floor(cx - reach)); x < x1; x++) {
          const dx = x + 0.5 - cx;
          const dy = y + 0.5 - cy;
          // Distance in pixels gives the covered part of a pixel on the edge.
          const d = distance(cos * dx + sin * dy, cos * dy - sin * dx) * radius;
          if (d >= 0.5) continue;
          const cover = Math.min(1, 0.5 - d);
          const at = y * width + x;
          for (let c = 0; c < channels; c++) values[c * area + at]! += (colour[c]! - ground[c]!) * cover;
          if (d < 0) mask[at] = figure + 1;
        }
      }
    }
  }
}

registerKind('shapes-seg', (p: PortableDataset) => new ShapesSegDataset(p as GeneratedOptions), import.meta.url);
