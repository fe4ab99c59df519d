import { allocate } from '../../../../../src/tensor/dtype.js';
import { type OpDef, shapeContext } from '../../../../../src/tensor/ops/define.js';
import type { OpAttrs, OpName } from '../../../../../src/tensor/ops/signatures.js';
import { opTable } from '../../../../../src/tensor/ops/table.js';
import { type HostTensor, hostTensor, numel } from '../../../../../src/tensor/shape.js';

/** One grey picture or map, row after row. */
export interface Plane {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** A plane whose values follow from their places. */
export function makePlane(height: number, width: number, value: (y: number, x: number) => number): Plane {
  const data = new Float32Array(height * width);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++) data[i++] = value(y, x);
  return { height, width, data };
}

/** The value at a place, 0 outside: what a padded convolution sees. */
export const valueAt = ({ height, width, data }: Plane, y: number, x: number): number =>
  y < 0 || x < 0 || y >= height || x >= width ? 0 : data[y * width + x]!;

/** Runs one op by its definition in the op table: the figures compute what the networks compute. */
function run<K extends OpName>(op: K, inputs: readonly HostTensor[], attrs: OpAttrs[K]): HostTensor {
  const def = opTable[op] as unknown as OpDef<K>;
  const [type] = def.shape(inputs, attrs, shapeContext(op, inputs, ''));
  const output = { ...type!, data: allocate(type!.dtype, numel(type!.shape)) };
  def.kernel(inputs, [output], attrs);
  return output;
}

/** Planes of one size as the channels of one image. */
function image(planes: readonly Plane[]): HostTensor {
  const { height, width } = planes[0]!;
  const data = new Float32Array(planes.length * height * width);
  for (const [c, plane] of planes.entries()) data.set(plane.data, c * height * width);
  return hostTensor(data, [1, planes.length, height, width]);
}

function planes({ data, shape }: HostTensor): Plane[] {
  const [, channels, height, width] = shape as [number, number, number, number];
  const area = height * width;
  return Array.from({ length: channels }, (_, c) => ({
    height,
    width,
    data: Float32Array.from(data.subarray(c * area, (c + 1) * area) as Float32Array),
  }));
}

export interface Window {
  readonly stride?: number;
  readonly padding?: number;
}

/** Convolution of one plane with one kernel (cross-correlation, as everywhere). */
export function convolve(picture: Plane, kernel: Plane, { stride = 1, padding = 0 }: Window = {}): Plane {
  const weight = hostTensor(kernel.data, [1, 1, kernel.height, kernel.width]);
  return planes(
    run('conv2d', [image([picture]), weight], {
      stride: [stride, stride],
      padding: [padding, padding],
      dilation: [1, 1],
      groups: 1,
    }),
  )[0]!;
}

/** 1x1 convolution: each output channel is a sum of the input channels, weighed by a row of `matrix`. */
export function mixChannels(channels: readonly Plane[], matrix: readonly (readonly number[])[]): Plane[] {
  const weight = hostTensor(Float32Array.from(matrix.flat()), [matrix.length, channels.length, 1, 1]);
  return planes(
    run('conv2d', [image(channels), weight], { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }),
  );
}

export type PoolKind = 'max' | 'average';

/** 2x2 pooling. */
export function pool(picture: Plane, kind: PoolKind): Plane {
  const window = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], ceilMode: false } as const;
  const x = image([picture]);
  return planes(
    kind === 'max'
      ? run('maxPool2d', [x], { ...window, dilation: [1, 1] })
      : run('avgPool2d', [x], { ...window, countIncludePad: true }),
  )[0]!;
}

/** Brings a plane to a size. */
export const resize = (picture: Plane, height: number, width: number, mode: 'nearest' | 'bilinear'): Plane =>
  planes(run('resize2d', [image([picture])], { mode, size: [height, width], alignCorners: false }))[0]!;

/** Transposed convolution of one plane with one kernel. */
export function convolveTransposed(picture: Plane, kernel: Plane, { stride = 1, padding = 0 }: Window = {}): Plane {
  const weight = hostTensor(kernel.data, [1, 1, kernel.height, kernel.width]);
  return planes(
    run('convTranspose2d', [image([picture]), weight], {
      stride: [stride, stride],
      padding: [padding, padding],
      outputPadding: [0, 0],
      dilation: [1, 1],
      groups: 1,
    }),
  )[0]!;
}

export const relu = (x: Plane): Plane => planes(run('relu', [image([x])], {}))[0]!;

/** a - b, place by place. */
export const difference = (a: Plane, b: Plane): Plane => ({ ...a, data: a.data.map((v, i) => v - b.data[i]!) });

/** Mean of the absolute values. */
export const meanAbsolute = ({ data }: Plane): number => data.reduce((sum, v) => sum + Math.abs(v), 0) / data.length;

/** The largest absolute value. */
export const largest = ({ data }: Plane): number => data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** Moved by whole pixels; what comes in from outside is 0. */
export const shifted = (picture: Plane, dy: number, dx: number): Plane =>
  makePlane(picture.height, picture.width, (y, x) => valueAt(picture, y - dy, x - dx));
