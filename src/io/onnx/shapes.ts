import { type Dim, type Emitter, type NodeView, OnnxError } from './emitter.js';

export function full({ attrs: { value, dtype }, dims }: NodeView<'full'>, to: Emitter): string {
  const one = to.number(value, dtype);
  return dims.length === 0 ? one : to.op('Expand', [one, to.shape(dims)]);
}

export const broadcastTo = ({ inputs, dims }: NodeView<'broadcastTo'>, to: Emitter): string =>
  to.op('Expand', [inputs[0]!, to.shape(dims)]);

const sameDim = (a: Dim | undefined, b: Dim): boolean =>
  typeof a === 'object' && typeof b === 'object' ? a.perImage === b.perImage : a === b;

/** Sizes that grow with the batch are copied (0) or found from the others (-1); if that does not say it, computed. */
export function reshape({ inputs, inputDims, dims }: NodeView<'reshape'>, to: Emitter): string {
  const copied = dims.map((d, i) => (typeof d === 'number' ? d : sameDim(inputDims[0]![i], d) ? 0 : -1));
  // A size of 0 among our own would be read as a copy.
  const plain = dims.every((d) => d !== 0) && copied.filter((d) => d === -1).length <= 1;
  return to.op('Reshape', [inputs[0]!, plain ? to.integers(copied) : to.shape(dims)]);
}

export function slice({ inputs, types, dims, inputDims, attrs, label }: NodeView<'slice'>, to: Emitter): string {
  const { shape } = types[0]!;
  const { start, stop, step } = attrs;
  const axes = shape.map((_, i) => i).filter((i) => start[i] !== 0 || stop[i] !== shape[i] || step[i] !== 1);
  for (const i of axes)
    if (typeof inputDims[0]![i] !== 'number' || typeof dims[i] !== 'number')
      throw new OnnxError('slice takes some of the images of a batch: a network of a batch of any size cannot', label);
  if (axes.length === 0) return to.op('Identity', [inputs[0]!]);
  const pick = (of: readonly number[]) => to.integers(axes.map((i) => of[i]!));
  return to.op('Slice', [inputs[0]!, pick(start), pick(stop), to.integers(axes), pick(step)]);
}

export function pad({ inputs, out, attrs, label }: NodeView<'pad'>, to: Emitter): string {
  const { low, high, interior, value } = attrs;
  if (interior.some((n) => n !== 0))
    throw new OnnxError('pad puts zeros between values, which ONNX has no operation for', label);
  if ([...low, ...high].every((n) => n === 0)) return to.op('Identity', inputs);
  return to.op('Pad', [inputs[0]!, to.integers([...low, ...high]), to.number(value, out.dtype)], { mode: 'constant' });
}
