import { type Tensor, tensor } from '../tensor/node.js';
import { formatShape, ShapeError } from '../tensor/shape.js';
import { checkNumber } from '../util/check.js';

export interface ClassOptions {
  /** Classes (channels) that the loss is the mean of; default all. Only for outputs with several channels. */
  readonly classes?: readonly number[];
  /** Weight of each class in the mean over classes, one number for each channel; default all equal. */
  readonly weight?: readonly number[];
}

/** Checks class options when a loss is made. Throws one sentence that names the bad value. */
export function checkClassOptions(name: string, { classes, weight }: ClassOptions): void {
  if (classes !== undefined) {
    if (!Array.isArray(classes) || classes.length === 0)
      throw new TypeError(`${name}: classes must be a list of class numbers, got ${JSON.stringify(classes)}`);
    for (const [i, c] of classes.entries()) checkNumber(`${name}: classes[${i}]`, c, { min: 0, integer: true });
    if (new Set(classes).size !== classes.length)
      throw new RangeError(`${name}: a class is named twice in classes [${classes.join(', ')}]`);
  }
  if (weight !== undefined) {
    if (!Array.isArray(weight) || weight.length === 0)
      throw new TypeError(`${name}: weight must be a list with a number for each class`);
    for (const [i, w] of weight.entries()) checkNumber(`${name}: weight[${i}]`, w, { min: 0 });
    if (!(classes ?? weight.map((_, i) => i)).some((c) => (weight[c] ?? 0) > 0))
      throw new RangeError(`${name}: the weights of all classes are 0`);
  }
}

/** Weight of each of `count` channels as the options say, or undefined if all are equal. */
export function classWeights(name: string, count: number, { classes, weight }: ClassOptions): number[] | undefined {
  if (classes === undefined && weight === undefined) return undefined;
  if (count === 1)
    throw new ShapeError(
      `${name}: an output with one channel has no classes to choose from (${classes ? 'classes' : 'weight'} is given)`,
    );
  if (weight && weight.length !== count)
    throw new ShapeError(`${name}: ${weight.length} values in weight do not fit an output of ${count} channels`);
  const outside = classes?.find((c) => c >= count);
  if (outside !== undefined)
    throw new ShapeError(`${name}: classes names ${outside}, the output has the channels 0 to ${count - 1}`);
  return Array.from({ length: count }, (_, c) => (classes && !classes.includes(c) ? 0 : (weight?.[c] ?? 1)));
}

/** Mean of `values` [C] or [N, C] over images and over classes with their weights. */
export function meanOverClasses(name: string, values: Tensor, options: ClassOptions): Tensor {
  const count = values.shape[values.rank - 1];
  if (count === undefined) throw new ShapeError(`${name}: ${formatShape(values.shape)} holds no classes`);
  const weights = classWeights(name, count, options);
  if (!weights) return values.mean();
  const total = weights.reduce((a, b) => a + b, 0);
  const images = values.rank === 2 ? values.shape[0]! : 1;
  return values
    .mul(tensor(weights, [count], values.dtype))
    .sum()
    .mul(1 / (total * images));
}
