import { type PortableDataset, registerKind } from './dataset.js';
import { GeneratedMasks, type GeneratedOptions } from './generated.js';
import type { RandomStream } from './rng.js';

/** Classes of the masks, by number. */
export const CELLS_CLASSES = ['background', 'cell'] as const;

interface Cell {
  readonly x: number;
  readonly y: number;
  /** Mean radius in pixels. */
  readonly radius: number;
  readonly angle: number;
  /** Longer along its axis by this, shorter across. */
  readonly stretch: number;
  /** Strength and phase of two to five bulges around the outline. */
  readonly bulges: readonly (readonly [amount: number, phase: number])[];
  /** How much brighter or darker than the background its inside is. */
  readonly tone: number;
  /** Place of the nucleus, in radii, and its size. */
  readonly nucleus: readonly [x: number, y: number, size: number];
}

/**
 * Cells as a phase-contrast microscope shows them, the domain of the U-Net paper (Ronneberger, Fischer & Brox 2015): bodies of
 * irregular outline hardly different from a noisy, unevenly lit background, with bright halos and dark nuclei; some touch,
 * and a line of background parts those, as in the paper's masks. Two classes.
 *
 *     const data = new CellsDataset({ images: 100, size: 128, seed: 1 });
 */
export class CellsDataset extends GeneratedMasks {
  readonly name = 'cells';
  readonly classes: readonly string[] = CELLS_CLASSES;

  /** Defaults: 300 grey images of 128 x 128, noise 0.05. */
  constructor(options: GeneratedOptions = {}) {
    super('cells', options, { images: 300, size: 128, channels: 1, noise: 0.05 });
  }

  protected draw(random: RandomStream, values: Float32Array, mask: Uint8Array): void {
    const [channels, height, width] = this.inputShape;
    const area = height * width;
    const side = Math.min(height, width);
    const cells: Cell[] = [];
    const wanted = 4 + random.below(9);
    for (let attempt = 0; attempt < 4 * wanted && cells.length < wanted; attempt++) {
      const cell: Cell = {
        x: random.between(0, width),
        y: random.between(0, height),
        radius: side * random.between(0.055, 0.12),
        angle: random.between(0, Math.PI),
        stretch: random.between(0, 0.35),
        bulges: [2, 3, 4, 5].map((k) => [random.between(0, 0.24 / k), random.between(0, 2 * Math.PI)]),
        tone: random.between(0.04, 0.14) * (random.chance(0.75) ? 1 : -1),
        nucleus: [random.between(-0.25, 0.25), random.between(-0.25, 0.25), random.between(0.22, 0.36)],
      };
      const free = cells.every((o) => Math.hypot(o.x - cell.x, o.y - cell.y) > 0.95 * (o.radius + cell.radius));
      if (free) cells.push(cell);
    }

    // Light falls off from a bright spot somewhere.
    const base = random.between(0.38, 0.52);
    const bright = random.between(0.04, 0.14);
    const lx = random.between(0, width);
    const ly = random.between(0, height);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        values[y * width + x] = base + bright * Math.exp(-((x - lx) ** 2 + (y - ly) ** 2) / (0.6 * side) ** 2);

    const nearest = new Float32Array(area).fill(Number.POSITIVE_INFINITY);
    const second = new Float32Array(area).fill(Number.POSITIVE_INFINITY);
    const halo = Math.max(1, 0.012 * side);
    for (const cell of cells) addCell(cell, values, nearest, second, height, width, halo);
    for (let i = 0; i < area; i++) mask[i] = nearest[i]! < 0 && second[i]! > 1 ? 1 : 0;
    for (let c = 1; c < channels; c++) values.copyWithin(c * area, 0, area);
  }
}

/** Adds a cell's light, and its signed distance in pixels to what is the nearest and the second of a pixel. */
function addCell(
  cell: Cell,
  values: Float32Array,
  nearest: Float32Array,
  second: Float32Array,
  height: number,
  width: number,
  halo: number,
): void {
  const cos = Math.cos(cell.angle);
  const sin = Math.sin(cell.angle);
  const [nx, ny, size] = cell.nucleus;
  const reach = cell.radius * 2 + 4 * halo;
  const y1 = Math.min(height, Math.ceil(cell.y + reach));
  const x1 = Math.min(width, Math.ceil(cell.x + reach));
  for (let y = Math.max(0, Math.floor(cell.y - reach)); y < y1; y++) {
    for (let x = Math.max(0, Math.floor(cell.x - reach)); x < x1; x++) {
      const dx = x + 0.5 - cell.x;
      const dy = y + 0.5 - cell.y;
      const u = (cos * dx + sin * dy) / (cell.radius * (1 + cell.stretch));
      const v = (cos * dy - sin * dx) / (cell.radius * (1 - 0.6 * cell.stretch));
      const theta = Math.atan2(v, u);
      let outline = 1;
      for (const [i, [amount, phase]] of cell.bulges.entries()) outline += amount * Math.cos((i + 2) * theta + phase);
      const d = (Math.hypot(u, v) - outline) * cell.radius;
      const at = y * width + x;
      const cover = Math.min(1, Math.max(0, 0.5 - d / 2));
      const ring = Math.exp(-(((d - halo) / halo) ** 2));
      const core = Math.exp(-((((u - nx) ** 2 + (v - ny) ** 2) / size ** 2) ** 2));
      values[at]! += cover * cell.tone + 0.2 * ring - 0.16 * core * cover;
      if (d < nearest[at]!) {
        second[at] = nearest[at]!;
        nearest[at] = d;
      } else if (d < second[at]!) second[at] = d;
    }
  }
}

registerKind('cells', (p: PortableDataset) => new CellsDataset(p as GeneratedOptions), import.meta.url);
