import { CellsDataset } from '../../../../../src/data/cells.js';
import { ShapesSegDataset } from '../../../../../src/data/shapesSeg.js';
import { makePlane, type Plane } from './ops.js';

type Point = readonly [x: number, y: number];

/** Distance of a point to the line between two others. */
function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const t = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/** Strokes of a pen, light on dark, with soft edges. Points in fractions of the side. */
function strokes(side: number, pen: number, points: readonly Point[]): Plane {
  return makePlane(side, side, (y, x) => {
    const at: Point = [(x + 0.5) / side, (y + 0.5) / side];
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = 1; i < points.length; i++) nearest = Math.min(nearest, distance(at, points[i - 1]!, points[i]!));
    return Math.min(1, Math.max(0, 0.5 + (pen / 2 - nearest) * side));
  });
}

/** A 7 as a hand writes it. */
const SEVEN: readonly Point[] = [
  [0.26, 0.27],
  [0.42, 0.24],
  [0.72, 0.25],
  [0.6, 0.46],
  [0.5, 0.64],
  [0.44, 0.82],
];

/** Bars, edges in all directions, a disc and a ramp: what filters answer to, each in its corner. */
const pattern = (side: number): Plane =>
  makePlane(side, side, (y, x) => {
    const half = side / 2;
    if (y < half && x < half) return Math.floor(x / 2) % 2;
    if (y < half) return Math.floor(y / 2) % 2;
    if (x < half)
      return Math.min(1, Math.max(0, side * 0.17 - Math.hypot(x + 0.5 - half / 2, y + 0.5 - 1.5 * half) + 0.5));
    return (x - half) / (half - 1);
  });

const grey = (bytes: Uint8Array, channel: number, side: number): Plane =>
  makePlane(side, side, (y, x) => bytes[(channel * side + y) * side + x]! / 255);

/** Grey pictures by name. */
export const PICTURES = {
  seven: (side: number) => strokes(side, 0.085, SEVEN),
  cells: (side: number) =>
    grey(new CellsDataset({ images: 8, size: side, seed: 11 }).get(5).image as Uint8Array, 0, side),
  pattern,
} as const;
export type PictureName = keyof typeof PICTURES;

/** A colour picture as its three channels: circles and crosses. */
export function colourPicture(side: number, index: number): [Plane, Plane, Plane] {
  const image = new ShapesSegDataset({ images: 64, size: side, seed: 4, noise: 0.015 }).get(index).image as Uint8Array;
  return [grey(image, 0, side), grey(image, 1, side), grey(image, 2, side)];
}

/** A picture of cells and its mask, for losses of masks. */
export function cellsWithMask(side: number, index: number): { image: Plane; mask: Plane } {
  const { image, target } = new CellsDataset({ images: 64, size: side, seed: 3, noise: 0.03 }).get(index);
  const mask = target as Uint8Array;
  return { image: grey(image as Uint8Array, 0, side), mask: makePlane(side, side, (y, x) => mask[y * side + x]!) };
}

/** A copy with a spot of the pen in it. */
export const dabbed = (picture: Plane, y: number, x: number): Plane =>
  makePlane(picture.height, picture.width, (r, c) =>
    Math.max(picture.data[r * picture.width + c]!, Math.min(1, Math.max(0, 1.9 - Math.hypot(r - y, c - x)))),
  );
