import { apply, applyAll, type Tensor } from '../node.js';
import { formatShape, type HostTensor, numel, type TensorType } from '../shape.js';
import type { OpDef, ShapeContext } from './define.js';
import { lrnGradKernel, lrnKernel } from './lrnKernels.js';
import type { LrnAttrs } from './signatures.js';
import { requireFloat, requireShape } from './spatial.js';

type NormOp = 'batchNorm' | 'batchNormGrad' | 'batchNormInference' | 'localResponseNorm' | 'localResponseNormGrad';

/** Fails unless x is [N, C, ...] and all of `perChannel` are [C]; gives C. */
function checkChannels(x: TensorType, perChannel: Record<string, TensorType>, context: ShapeContext): number {
  if (x.shape.length < 2) context.fail(`input must be [N, C, ...], not ${formatShape(x.shape)}`);
  for (const [what, t] of Object.entries(perChannel)) requireShape(t, [x.shape[1]!], what, context);
  return x.shape[1]!;
}

function checkEps(eps: number, context: ShapeContext): void {
  if (!(eps >= 0 && Number.isFinite(eps))) context.fail(`eps must be a number of at least 0, not ${eps}`);
}

function checkLrn(x: TensorType, attrs: LrnAttrs, context: ShapeContext): void {
  checkChannels(x, {}, context);
  if (!Number.isInteger(attrs.size) || attrs.size < 1)
    context.fail(`size must be a positive number of channels, not ${attrs.size}`);
}

/** [N, C, inner] of [N, C, ...]. */
function layout(x: HostTensor): [number, number, number] {
  return [x.shape[0]!, x.shape[1]!, numel(x.shape.slice(2))];
}

/** A [C] tensor that broadcasts over [N, C, ...]. */
const alongChannels = (t: Tensor, x: Tensor): Tensor => t.reshape([1, t.shape[0]!, ...x.shape.slice(2).map(() => 1)]);

const allButChannels = (x: Tensor): number[] => x.shape.map((_, i) => i).filter((i) => i !== 1);

export const normOps = {
  batchNorm: {
    doc: 'Normalises each channel by its mean and biased variance over batch and pixels (Ioffe and Szegedy 2015).',
    arity: [3, 3],
    shape(inputs, attrs, context) {
      const [x, gamma, beta] = inputs as [TensorType, TensorType, TensorType];
      requireFloat(inputs, context);
      const channels = checkChannels(x, { gamma, beta }, context);
      checkEps(attrs.eps, context);
      if (numel(x.shape) === channels)
        context.fail('one value per channel has no variance: train with a larger batch or larger images');
      const perChannel: TensorType = { shape: [channels], dtype: x.dtype };
      return [x, perChannel, perChannel];
    },
    // batchNormGrad is the derivative of y alone, through mean and variance too. Where the loss also uses the
    // outputs mean = sum(x)/M and variance = sum((x - mean)^2)/M (M values per channel), they add
    //   dmean/M  and  dvariance * 2 (x - mean)/M,  since sum(x - mean) = 0 cancels the variance's path by the mean.
    gradient({ inputs, outputs, dy: [dy, dmean, dvariance], attrs, wanted }) {
      const [x, gamma] = inputs as [Tensor, Tensor];
      const [, mean, variance] = outputs as [Tensor, Tensor, Tensor];
      const fromY = dy ? applyAll('batchNormGrad', [x, gamma, mean, variance, dy], attrs) : [];
      let dx = fromY[0];
      if (wanted[0]) {
        const count = numel(x.shape) / x.shape[1]!;
        const add = (g: Tensor) => {
          dx = dx ? dx.add(g) : g;
        };
        if (dmean) add(alongChannels(dmean.div(count), x).broadcastTo(x.shape));
        if (dvariance) add(x.sub(alongChannels(mean, x)).mul(alongChannels(dvariance.mul(2 / count), x)));
      }
      return [wanted[0] ? dx : undefined, wanted[1] ? fromY[1] : undefined, wanted[2] ? fromY[2] : undefined];
    },
    kernel([x, gamma, beta], [y, mean, variance], { eps }) {
      const [batch, channels, inner] = layout(x!);
      const [xd, yd] = [x!.data, y!.data];
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let n = 0; n < batch; n++) {
          const base = (n * channels + c) * inner;
          for (let i = base; i < base + inner; i++) sum += xd[i]!;
        }
        const mu = sum / (batch * inner);
        let squares = 0;
        for (let n = 0; n < batch; n++) {
          const base = (n * channels + c) * inner;
          for (let i = base; i < base + inner; i++) squares += (xd[i]! - mu) ** 2;
        }
        const v = squares / (batch * inner);
        mean!.data[c] = mu;
        variance!.data[c] = v;
        const scale = gamma!.data[c]! / Math.sqrt(v + eps);
        const shift = beta!.data[c]!;
        for (let n = 0; n < batch; n++) {
          const base = (n * channels + c) * inner;
          for (let i = base; i < base + inner; i++) yd[i] = (xd[i]! - mu) * scale + shift;
        }
      }
    },
  },

  // With xhat = (x - mean) * r, r = 1/sqrt(variance + eps), means over the M values of a channel:
  //   dbeta = sum dy,  dgamma = sum dy xhat,  dx = gamma r (dy - dbeta/M - xhat dgamma/M).
  batchNormGrad: {
    doc: "Gradient of batchNorm's y from (x, gamma, mean, variance, dy): dx, dgamma, dbeta.",
    arity: [5, 5],
    shape(inputs, attrs, context) {
      const [x, gamma, mean, variance, dy] = inputs as [TensorType, TensorType, TensorType, TensorType, TensorType];
      requireFloat(inputs, context);
      const channels = checkChannels(x, { gamma, mean, variance }, context);
      requireShape(dy, x.shape, 'output gradient', context);
      checkEps(attrs.eps, context);
      const perChannel: TensorType = { shape: [channels], dtype: x.dtype };
      return [x, perChannel, perChannel];
    },
    gradient: { notDifferentiable: 'second derivatives of batch normalisation are not there' },
    kernel([x, gamma, mean, variance, dy], [dx, dgamma, dbeta], { eps }) {
      const [batch, channels, inner] = layout(x!);
      const [xd, gd, dd] = [x!.data, dy!.data, dx!.data];
      for (let c = 0; c < channels; c++) {
        const mu = mean!.data[c]!;
        const r = 1 / Math.sqrt(variance!.data[c]! + eps);
        let sum = 0;
        let dot = 0;
        for (let n = 0; n < batch; n++) {
          const base = (n * channels + c) * inner;
          for (let i = base; i < base + inner; i++) {
            sum += gd[i]!;
            dot += gd[i]! * (xd[i]! - mu);
          }
        }
        dgamma!.data[c] = dot * r;
        dbeta!.data[c] = sum;
        const scale = gamma!.data[c]! * r;
        const shift = sum / (batch * inner);
        const slope = (dot * r * r) / (batch * inner);
        for (let n = 0; n < batch; n++) {
          const base = (n * channels + c) * inner;
          for (let i = base; i < base + inner; i++) dd[i] = scale * (gd[i]! - shift - (xd[i]! - mu) * slope);
        }
      }
    },
  },

  batchNormInference: {
    doc: 'Normalises by given statistics: (x - mean) / sqrt(variance + eps) * gamma + beta.',
    arity: [5, 5],
    shape(inputs, attrs, context) {
      const [x, gamma, beta, mean, variance] = inputs as [TensorType, TensorType, TensorType, TensorType, TensorType];
      requireFloat(inputs, context);
      checkChannels(x, { gamma, beta, mean, variance }, context);
      checkEps(attrs.eps, context);
      return [x];
    },
    // y = (x - mean) gamma r + beta with r = (variance + eps)^(-1/2), so dr/dvariance = -r^3 / 2.
    gradient({ inputs, dy, attrs, wanted }) {
      const [x, gamma, , mean, variance] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
      const g = dy[0]!;
      const axes = allButChannels(x);
      const r = apply('reciprocal', [apply('sqrt', [variance.add(attrs.eps)], {})], {});
      const scale = gamma.mul(r);
      const sum = wanted[2] || wanted[3] ? g.sum(axes) : undefined;
      const dot = wanted[1] || wanted[4] ? g.mul(x.sub(alongChannels(mean, x))).sum(axes) : undefined;
      return [
        wanted[0] ? g.mul(alongChannels(scale, x)) : undefined,
        wanted[1] ? dot!.mul(r) : undefined,
        wanted[2] ? sum : undefined,
        wanted[3] ? sum!.mul(scale).neg() : undefined,
        wanted[4] ? dot!.mul(scale).mul(r).mul(r).mul(-0.5) : undefined,
      ];
    },
    kernel([x, gamma, beta, mean, variance], [y], { eps }) {
      const [batch, channels, inner] = layout(x!);
      const [xd, yd] = [x!.data, y!.data];
      for (let c = 0; c < channels; c++) {
        const mu = mean!.data[c]!;
        const scale = gamma!.data[c]! / Math.sqrt(variance!.data[c]! + eps);
        const shift = beta!.data[c]!;
        for (let n = 0; n < batch; n++) {
          const base = (n * channels + c) * inner;
          for (let i = base; i < base + inner; i++) yd[i] = (xd[i]! - mu) * scale + shift;
        }
      }
    },
  },

  localResponseNorm: {
    doc: 'Divides by (k + alpha * mean of squares over `size` channels)^beta (Krizhevsky et al. 2012, PyTorch scaling).',
    arity: [1, 1],
    shape(inputs, attrs, context) {
      requireFloat(inputs, context);
      checkLrn(inputs[0]!, attrs, context);
      return [inputs[0]!];
    },
    gradient: ({ inputs, dy: [dy], attrs }) => [apply('localResponseNormGrad', [inputs[0]!, dy!], attrs)],
    kernel: lrnKernel,
  },

  localResponseNormGrad: {
    doc: 'Gradient of localResponseNorm from (x, dy).',
    arity: [2, 2],
    shape(inputs, attrs, context) {
      requireFloat(inputs, context);
      checkLrn(inputs[0]!, attrs, context);
      requireShape(inputs[1]!, inputs[0]!.shape, 'output gradient', context);
      return [inputs[0]!];
    },
    gradient: { notDifferentiable: 'second derivatives of local response normalisation are not there' },
    kernel: lrnGradKernel,
  },
} satisfies { [K in NormOp]: OpDef<K> };
