import type { Module } from '../nn/module.js';
import { allocate } from '../tensor/dtype.js';
import { formatShape, type HostTensor, sameShape, type TensorType } from '../tensor/shape.js';

const show = (name: string, t: TensorType) => `"${name}" ${formatShape(t.shape)}`;

/**
 * The values of a file that belong to a network's parameters and buffers, in the network's types.
 *
 * @param file name for messages
 * @throws Error naming the first parameter that is missing, of another shape, or not the network's, with the shapes
 */
export function weightsFor(
  net: Pick<Module, 'states'>,
  tensors: ReadonlyMap<string, HostTensor>,
  file: string,
): Map<string, HostTensor> {
  const states = net.states();
  const fitting = new Map<string, HostTensor>();
  const extra = [...tensors].find(([name]) => !states.has(name));
  for (const [name, parameter] of states) {
    const value = tensors.get(name);
    // Files from before PyTorch 0.4.1 do not have this counter.
    if (!value && name.split('.').at(-1) === 'num_batches_tracked') {
      fitting.set(name, { dtype: parameter.dtype, shape: parameter.shape, data: allocate(parameter.dtype, 1) });
      continue;
    }
    if (!value)
      throw new Error(
        `${file} holds weights of another network: it has no ${show(name, parameter)}` +
          (extra ? `, but ${show(extra[0], extra[1])}` : ''),
      );
    if (!sameShape(value.shape, parameter.shape))
      throw new Error(
        `${file} holds weights of another network: "${name}" is ${formatShape(value.shape)} there and ${formatShape(parameter.shape)} here`,
      );
    fitting.set(name, value.dtype === parameter.dtype ? value : convert(value, parameter));
  }
  if (extra)
    throw new Error(`${file} holds weights of another network: it has ${show(...extra)}, which this one lacks`);
  return fitting;
}

/** Puts the values of a file into a network, on the host. Throws as {@link weightsFor} does. */
export function fillWeights<M extends Pick<Module, 'states'>>(
  net: M,
  tensors: ReadonlyMap<string, HostTensor>,
  file: string,
): M {
  const values = weightsFor(net, tensors, file);
  for (const [path, parameter] of net.states()) parameter.value = values.get(path);
  return net;
}

function convert(value: HostTensor, { dtype, shape }: TensorType): HostTensor {
  const data = allocate(dtype, value.data.length);
  data.set(value.data);
  return { data, dtype, shape };
}
