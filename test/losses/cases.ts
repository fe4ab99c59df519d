import { parseLoss } from '../../src/losses/index.js';
import { allocate, type DType } from '../../src/tensor/dtype.js';
import type { HostTensor } from '../../src/tensor/shape.js';
import type { Json } from '../../src/util/registry.js';
import { fixture } from '../nn/support.js';

/** Made by test/fixtures/make_segmentation.py with segmentation_models.pytorch. */
export interface LossCase {
  readonly name: string;
  readonly options: Record<string, Json>;
  /** Names of tensors. */
  readonly output: string;
  readonly target: string;
  readonly value: number;
  readonly grad: number[];
}
export interface MetricCase {
  readonly metric: 'iou' | 'dice' | 'precision' | 'recall' | 'accuracy';
  readonly output: string;
  readonly target: string;
  readonly reduction: 'micro' | 'macro' | 'micro-imagewise' | 'macro-imagewise' | 'none';
  readonly zeroDivision: 0 | 1;
  readonly ignoreIndex: number | null;
  readonly threshold?: number;
  readonly value: number | number[];
}
interface Fixture {
  readonly tensors: Record<string, { shape: number[]; integer: boolean; values: number[] }>;
  readonly losses: LossCase[];
  readonly metrics: MetricCase[];
}
const all = fixture('segmentation.json') as Fixture;
export const lossCases = all.losses;
export const metricCases = all.metrics;

/** A tensor of the fixture; integers as int32 unless said otherwise. */
export function named(name: string, dtype?: DType): HostTensor {
  const { shape, integer, values } = all.tensors[name]!;
  const type = dtype ?? (integer ? 'int32' : 'float32');
  const data = allocate(type, values.length);
  data.set(values);
  return { shape, dtype: type, data };
}

export const titleOf = ({ name, options, output, target }: LossCase): string =>
  `${name} ${JSON.stringify(options)} of ${output}, ${target}`;

export const lossOf = ({ name, options }: LossCase) => parseLoss({ name, options });
