import type { HostTensor } from '../shape.js';
import type { ConvAttrs, OpAttrs } from './signatures.js';
import { tapRange } from './spatial.js';

/**
 * Plain loops for the three convolutions. Sums are kept in double precision, one output plane at a time; for each
 * kernel tap the range of positions that meet the input is computed once, so the inner loop is a bare multiply-add.
 */

/** Ranges of outputs that meet the input, one for each tap along one axis. */
function tapRanges(kernel: number, size: number, outputs: number, attrs: ConvAttrs, axis: 0 | 1) {
  return Array.from({ length: kernel }, (_, tap) => {
    const offset = tap * attrs.dilation[axis] - attrs.padding[axis];
    return { offset, range: tapRange(size, outputs, attrs.stride[axis], offset) };
  });
}

export function conv2dKernel(inputs: readonly HostTensor[], outputs: readonly HostTensor[], attrs: ConvAttrs): void {
  const [x, w, bias] = inputs as [HostTensor, HostTensor, HostTensor?];
  const y = outputs[0]!;
  const [batch, inChannels, H, W] = x.shape as [number, number, number, number];
  const [outChannels, perGroup, kH, kW] = w.shape as [number, number, number, number];
  const [outH, outW] = y.shape.slice(2) as [number, number];
  const [sH, sW] = attrs.stride;
  const outPerGroup = outChannels / attrs.groups;
  const rows = tapRanges(kH, H, outH, attrs, 0);
  const cols = tapRanges(kW, W, outW, attrs, 1);
  const plane = new Float64Array(outH * outW);
  const [xd, wd, yd] = [x.data, w.data, y.data];
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outChannels; o++) {
      plane.fill(bias ? bias.data[o]! : 0);
      const firstChannel = Math.floor(o / outPerGroup) * perGroup;
      for (let c = 0; c < perGroup; c++) {
        const xPlane = (n * inChannels + firstChannel + c) * H * W;
        for (let i = 0; i < kH; i++) {
          const { offset: rowOffset, range: row } = rows[i]!;
          for (let j = 0; j < kW; j++) {
            const { offset: colOffset, range: col } = cols[j]!;
            const weight = wd[((o * perGroup + c) * kH + i) * kW + j]!;
            const [from, to] = [col[0], col[1]];
            for (let r = row[0]; r < row[1]; r++) {
              let at = xPlane + (r * sH + rowOffset) * W + from * sW + colOffset;
              const end = r * outW + to;
              for (let p = r * outW + from; p < end; p++, at += sW) plane[p]! += weight * xd[at]!;
            }
          }
        }
      }
      yd.set(plane, (n * outChannels + o) * outH * outW);
    }
}

export function convTranspose2dKernel(
  inputs: readonly HostTensor[],
  outputs: readonly HostTensor[],
  attrs: OpAttrs['convTranspose2d'],
): void {
  const [x, w, bias] = inputs as [HostTensor, HostTensor, HostTensor?];
  const y = outputs[0]!;
  const [batch, inChannels, H, W] = x.shape as [number, number, number, number];
  const [, outPerGroup, kH, kW] = w.shape as [number, number, number, number];
  const [outChannels, outH, outW] = y.shape.slice(1) as [number, number, number];
  const [sH, sW] = attrs.stride;
  const perGroup = inChannels / attrs.groups;
  // The roles of conv2d exchanged: x's pixels are the positions, y is what the taps reach.
  const rows = tapRanges(kH, outH, H, attrs, 0);
  const cols = tapRanges(kW, outW, W, attrs, 1);
  const plane = new Float64Array(outH * outW);
  const [xd, wd, yd] = [x.data, w.data, y.data];
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outChannels; o++) {
      plane.fill(bias ? bias.data[o]! : 0);
      const group = Math.floor(o / outPerGroup);
      for (let c = group * perGroup; c < (group + 1) * perGroup; c++) {
        const xPlane = (n * inChannels + c) * H * W;
        const wPlane = (c * outPerGroup + (o % outPerGroup)) * kH * kW;
        for (let i = 0; i < kH; i++) {
          const { offset: rowOffset, range: row } = rows[i]!;
          for (let j = 0; j < kW; j++) {
            const { offset: colOffset, range: col } = cols[j]!;
            const weight = wd[wPlane + i * kW + j]!;
            const [from, to] = [col[0], col[1]];
            for (let r = row[0]; r < row[1]; r++) {
              let at = (r * sH + rowOffset) * outW + from * sW + colOffset;
              const end = xPlane + r * W + to;
              for (let p = xPlane + r * W + from; p < end; p++, at += sW) plane[at]! += weight * xd[p]!;
            }
          }
        }
      }
      yd.set(plane, (n * outChannels + o) * outH * outW);
    }
}

export function conv2dWeightGradKernel(
  inputs: readonly HostTensor[],
  outputs: readonly HostTensor[],
  attrs: OpAttrs['conv2dWeightGrad'],
): void {
  const [x, dy] = inputs as [HostTensor, HostTensor];
  const dw = outputs[0]!;
  const [batch, inChannels, H, W] = x.shape as [number, number, number, number];
  const [outChannels, outH, outW] = dy.shape.slice(1) as [number, number, number];
  const [perGroup, kH, kW] = dw.shape.slice(1) as [number, number, number];
  const [sH, sW] = attrs.stride;
  const outPerGroup = outChannels / attrs.groups;
  const rows = tapRanges(kH, H, outH, attrs, 0);
  const cols = tapRanges(kW, W, outW, attrs, 1);
  const [xd, gd, wd] = [x.data, dy.data, dw.data];
  for (let o = 0; o < outChannels; o++)
    for (let c = 0; c < perGroup; c++) {
      const channel = Math.floor(o / outPerGroup) * perGroup + c;
      for (let i = 0; i < kH; i++)
        for (let j = 0; j < kW; j++) {
          const { offset: rowOffset, range: row } = rows[i]!;
          const { offset: colOffset, range: col } = cols[j]!;
          const [from, to] = [col[0], col[1]];
          let sum = 0;
          for (let n = 0; n < batch; n++) {
            const xPlane = (n * inChannels + channel) * H * W;
            const gPlane = (n * outChannels + o) * outH * outW;
            for (let r = row[0]; r < row[1]; r++) {
              let at = xPlane + (r * sH + rowOffset) * W + from * sW + colOffset;
              const end = gPlane + r * outW + to;
              for (let p = gPlane + r * outW + from; p < end; p++, at += sW) sum += gd[p]! * xd[at]!;
            }
          }
          wd[((o * perGroup + c) * kH + i) * kW + j] = sum;
        }
    }
}
