import { type HostTensor, numel } from '../shape.js';
import type { LrnAttrs } from './signatures.js';

/**
 * Channel c is divided by D_c^beta with D_c = k + alpha/size * sum of x_j^2 over the window c-below..c+above.
 * For an even size the longer arm points to the lower channels, and channels beyond the ends count as zeros.
 */
const arms = (size: number) => ({ below: Math.floor(size / 2), above: Math.floor((size - 1) / 2) });

/** Fills `denominators` with D_c of every channel at one pixel. */
function fillDenominators(denominators: Float64Array, x: HostTensor, first: number, inner: number, attrs: LrnAttrs) {
  const { below, above } = arms(attrs.size);
  const channels = denominators.length;
  for (let c = 0; c < channels; c++) {
    let squares = 0;
    const last = Math.min(channels - 1, c + above);
    for (let j = Math.max(0, c - below); j <= last; j++) squares += x.data[first + j * inner]! ** 2;
    denominators[c] = attrs.k + (attrs.alpha / attrs.size) * squares;
  }
}

export function lrnKernel(inputs: readonly HostTensor[], outputs: readonly HostTensor[], attrs: LrnAttrs): void {
  const x = inputs[0]!;
  const [batch, channels, inner] = [x.shape[0]!, x.shape[1]!, numel(x.shape.slice(2))];
  const denominators = new Float64Array(channels);
  const yd = outputs[0]!.data;
  for (let n = 0; n < batch; n++)
    for (let i = 0; i < inner; i++) {
      const first = n * channels * inner + i;
      fillDenominators(denominators, x, first, inner, attrs);
      for (let c = 0; c < channels; c++)
        yd[first + c * inner] = x.data[first + c * inner]! * denominators[c]! ** -attrs.beta;
    }
}

// y_c = x_c D_c^-beta, and x_i enters D_c for i-above <= c <= i+below, so
//   dx_i = dy_i D_i^-beta - 2 alpha beta / size * x_i * sum_c dy_c x_c D_c^(-beta-1).
export function lrnGradKernel(inputs: readonly HostTensor[], outputs: readonly HostTensor[], attrs: LrnAttrs): void {
  const [x, dy] = inputs as [HostTensor, HostTensor];
  const [batch, channels, inner] = [x.shape[0]!, x.shape[1]!, numel(x.shape.slice(2))];
  const { below, above } = arms(attrs.size);
  const denominators = new Float64Array(channels);
  const inward = new Float64Array(channels);
  const factor = (2 * attrs.alpha * attrs.beta) / attrs.size;
  const dd = outputs[0]!.data;
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < inner; p++) {
      const first = n * channels * inner + p;
      fillDenominators(denominators, x, first, inner, attrs);
      for (let c = 0; c < channels; c++) {
        const at = first + c * inner;
        inward[c] = dy.data[at]! * x.data[at]! * denominators[c]! ** (-attrs.beta - 1);
      }
      for (let i = 0; i < channels; i++) {
        let sum = 0;
        const last = Math.min(channels - 1, i + below);
        for (let c = Math.max(0, i - above); c <= last; c++) sum += inward[c]!;
        const at = first + i * inner;
        dd[at] = dy.data[at]! * denominators[i]! ** -attrs.beta - factor * x.data[at]! * sum;
      }
    }
}
