import { checkNumber } from '../../util/check.js';
import type { Image } from '../dataset.js';
import type { RandomStream } from '../rng.js';
import { type Coordinates, checkBorder, sample } from './sample.js';
import type { Transform } from './types.js';
import type { BorderOptions } from './warp.js';

/** Options of {@link elastic}. */
export interface ElasticOptions extends BorderOptions {
  /** Standard deviation of the displacements, as a fraction of the shorter side. Default 0.02 (the paper's 10 pixels of 512). */
  readonly alpha?: number;
  /** Grid points along each side; more of them make smaller waves. Default 3, as in the paper. */
  readonly grid?: number;
  /** How often it is done at all. Default 1. */
  readonly p?: number;
}

/**
 * Smooth random deformation: displacements of a coarse grid of points are drawn from a normal distribution and spread over
 * the pixels by bicubic interpolation (Ronneberger, Fischer & Brox 2015, section 3.1). Without random numbers: nothing.
 */
export function elastic(options: ElasticOptions = {}): Transform {
  const { alpha = 0.02, grid = 3, p = 1, fill = 0, border = 'reflect' } = options;
  checkNumber('the alpha of elastic', alpha, { min: 0, max: 1 });
  checkNumber('the grid of elastic', grid, { integer: true, min: 2, max: 64 });
  checkNumber('the probability of elastic', p, { min: 0, max: 1 });
  checkNumber('fill', fill, { integer: true, min: 0, max: 255 });
  checkBorder('elastic', border);
  const bend = (image: Image, random: RandomStream | undefined, nearest: boolean, outside: number): Image => {
    if (!random?.chance(p)) return { ...image, data: image.data.slice() };
    const [, h, w] = image.shape;
    return sample(image, displaced(h, w, grid, alpha * Math.min(h, w), random), { nearest, border, fill: outside });
  };
  return {
    spec: { name: 'elastic', alpha, grid, p, fill, border },
    outputShape: (shape) => shape,
    apply: (image, random) => bend(image, random, false, fill),
    applyMask: (mask, random, outside) => bend(mask, random, true, outside),
  };
}

/** Pixel coordinates plus displacements of `deviation` pixels at the points of the grid. */
function displaced(h: number, w: number, grid: number, deviation: number, random: RandomStream): Coordinates {
  const dx = new Float64Array(grid * grid);
  const dy = new Float64Array(grid * grid);
  for (let i = 0; i < dx.length; i++) {
    // Box-Muller: two uniform numbers give two normal ones. 1 - u is never 0.
    const length = deviation * Math.sqrt(-2 * Math.log(1 - random.uniform()));
    const angle = 2 * Math.PI * random.uniform();
    dx[i] = length * Math.cos(angle);
    dy[i] = length * Math.sin(angle);
  }
  const columns = cubic(w, grid);
  const rows = cubic(h, grid);
  const rowX = new Float64Array(grid);
  const rowY = new Float64Array(grid);
  return (y, xs, ys) => {
    for (let g = 0; g < grid; g++) {
      let sumX = 0;
      let sumY = 0;
      for (let k = 0; k < 4; k++) {
        const at = rows.points[4 * y + k]! * grid + g;
        sumX += rows.weights[4 * y + k]! * dx[at]!;
        sumY += rows.weights[4 * y + k]! * dy[at]!;
      }
      rowX[g] = sumX;
      rowY[g] = sumY;
    }
    for (let x = 0; x < w; x++) {
      let sumX = x;
      let sumY = y;
      for (let k = 4 * x; k < 4 * x + 4; k++) {
        const g = columns.points[k]!;
        sumX += columns.weights[k]! * rowX[g]!;
        sumY += columns.weights[k]! * rowY[g]!;
      }
      xs[x] = sumX;
      ys[x] = sumY;
    }
  };
}

/** The four grid points around each of `n` pixels, first and last point on the first and last pixel, and their weights. */
function cubic(n: number, grid: number): { points: Int32Array; weights: Float64Array } {
  const points = new Int32Array(4 * n);
  const weights = new Float64Array(4 * n);
  for (let i = 0; i < n; i++) {
    const at = n === 1 ? 0 : (i * (grid - 1)) / (n - 1);
    const first = Math.min(Math.floor(at), grid - 2);
    const t = at - first;
    // Catmull-Rom: goes through the points, its derivative is continuous.
    const w = [
      ((2 - t) * t - 1) * t * 0.5,
      ((3 * t - 5) * t * t + 2) * 0.5,
      ((4 - 3 * t) * t + 1) * t * 0.5,
      (t - 1) * t * t * 0.5,
    ];
    for (let k = 0; k < 4; k++) {
      points[4 * i + k] = Math.min(grid - 1, Math.max(0, first - 1 + k));
      weights[4 * i + k] = w[k]!;
    }
  }
  return { points, weights };
}
