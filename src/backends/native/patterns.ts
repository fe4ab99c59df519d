import type { OpAttrs } from '../../tensor/ops/signatures.js';
import { type Ir, type IrNode, type IrRef, irType, sameRef, sortIr, substitute, Uses, visit } from './ir.js';

/** Rewrites groups of operations that one kernel does together. Run after dead code and common subexpressions are gone. */
export function applyPatterns(ir: Ir): void {
  splitTransposed(ir);
  foldNorms(ir);
  fuseActivations(ir);
  fuseNormRelu(ir);
  fusePoolRelu(ir);
  fuseBiasGradient(ir);
}

const of = (node: IrNode, output = 0): IrRef => ({ node, output });

/**
 * Transposed convolutions run as the input gradient of a convolution, which takes no bias and no output padding of a
 * whole stride: the bias becomes an addition (that joins its neighbours), the padding becomes zeros after x.
 */
function splitTransposed(ir: Ir): void {
  const replacement = new Map<IrNode, (output: number) => IrRef>();
  for (const node of ir.nodes) {
    if (node.op !== 'convTranspose2d') continue;
    const attrs = node.attrs as unknown as OpAttrs['convTranspose2d'];
    const [h, w] = [0, 1].map((i) => Math.floor(attrs.outputPadding[i]! / attrs.stride[i]!)) as [number, number];
    if (h > 0 || w > 0) {
      const x = node.inputs[0]!;
      const t = irType(x);
      const padded: IrNode = {
        op: 'pad',
        attrs: { low: [0, 0, 0, 0], high: [0, 0, h, w], interior: [0, 0, 0, 0], value: 0 },
        inputs: [x],
        outputs: [{ shape: [t.shape[0]!, t.shape[1]!, t.shape[2]! + h, t.shape[3]! + w], dtype: t.dtype }],
        label: node.label,
        phase: node.phase,
      };
      node.inputs[0] = of(padded);
      node.attrs = {
        ...attrs,
        outputPadding: [attrs.outputPadding[0] - h * attrs.stride[0], attrs.outputPadding[1] - w * attrs.stride[1]],
      };
    }
    const bias = node.inputs[2];
    if (!bias) continue;
    const out = node.outputs[0]!;
    const conv: IrNode = { ...node, inputs: node.inputs.slice(0, 2) };
    const column: IrNode = {
      op: 'reshape',
      attrs: { shape: [1, out.shape[1]!, 1, 1] },
      inputs: [bias],
      outputs: [{ shape: [1, out.shape[1]!, 1, 1], dtype: out.dtype }],
      label: node.label,
      phase: node.phase,
    };
    const sum: IrNode = {
      op: 'add',
      attrs: {},
      inputs: [of(conv), of(column)],
      outputs: [out],
      label: node.label,
      phase: node.phase,
    };
    replacement.set(node, () => of(sum));
  }
  if (replacement.size > 0) substitute(ir, replacement);
  else sortIr(ir);
}

/** Whether a value is the same on every run until somebody changes the store. */
function isFixed(ir: Ir, r: IrRef): boolean {
  return r.node.op === 'constant' || (r.node.op === 'state' && !ir.updates.has(r.node.attrs.name as string));
}

/**
 * Inference: batch norm behind a convolution is a scale and a shift per channel, so it moves into the weights:
 * w' = w s, b' = beta + (b - mean) s with s = gamma / sqrt(variance + eps). The engine computes what depends on
 * unchanged states only when they change, so this costs nothing per run.
 */
function foldNorms(ir: Ir): void {
  const uses = new Uses(ir);
  const replacement = new Map<IrNode, (output: number) => IrRef>();
  for (const node of ir.nodes) {
    if (node.op !== 'batchNormInference') continue;
    const [x, gamma, beta, mean, variance] = node.inputs as [IrRef, IrRef, IrRef, IrRef, IrRef];
    const conv = x.node;
    if (conv.op !== 'conv2d' || uses.count(x) !== 1 || irType(x).dtype !== 'float32') continue;
    const [, w, bias] = conv.inputs as [IrRef, IrRef, IrRef?];
    if (![gamma, beta, mean, variance, w, ...(bias ? [bias] : [])].every((r) => isFixed(ir, r))) continue;
    const perChannel = irType(gamma);
    const make = (op: string, inputs: IrRef[], attrs: Record<string, unknown> = {}, type = perChannel): IrRef =>
      of({ op, attrs, inputs, outputs: [type], label: node.label, phase: node.phase });
    const eps = make(
      'full',
      [],
      { shape: [], dtype: 'float32', value: node.attrs.eps },
      { shape: [], dtype: 'float32' },
    );
    const s = make('div', [gamma, make('sqrt', [make('add', [variance, eps])])]);
    const column = [perChannel.shape[0]!, 1, 1, 1];
    const scale = make('reshape', [s], { shape: column }, { shape: column, dtype: 'float32' });
    const shifted = bias ? make('sub', [bias, mean]) : make('neg', [mean]);
    const folded: IrNode = {
      ...conv,
      attrs: { ...conv.attrs },
      inputs: [conv.inputs[0]!, make('mul', [w, scale], {}, irType(w)), make('add', [beta, make('mul', [shifted, s])])],
    };
    replacement.set(node, () => of(folded));
  }
  if (replacement.size > 0) substitute(ir, replacement);
}

/** Backward of max pooling behind a ReLU: only positive maxima hand their gradient on. */
function fusePoolRelu(ir: Ir): void {
  const uses = new Uses(ir);
  const replacement = new Map<IrNode, (output: number) => IrRef>();
  for (const node of ir.nodes) {
    const mask = reluMask(node);
    if (mask?.dy.node.op !== 'maxPool2dGrad' || uses.count(mask.dy) !== 1) continue;
    if (!sameRef(mask.dy.node.inputs[0]!, mask.y) || mask.dy.node.attrs.relu) continue;
    mask.dy.node.attrs.relu = true;
    replacement.set(node, () => mask.dy);
  }
  if (replacement.size > 0) substitute(ir, replacement);
}

const PRODUCERS = new Set(['conv2d', 'matmul']);
const NORMS = new Set(['batchNorm', 'batchNormInference']);

/** conv2d, matmul and batch norm with the activation behind them, if nobody else sees the value in between. */
function fuseActivations(ir: Ir): void {
  const uses = new Uses(ir);
  const replacement = new Map<IrNode, (output: number) => IrRef>();
  for (const node of ir.nodes) {
    if (node.op !== 'relu' && node.op !== 'tanh') continue;
    const input = node.inputs[0]!;
    const { op, attrs } = input.node;
    if (input.output !== 0 || uses.count(input) !== 1 || irType(input).dtype !== 'float32') continue;
    if (!PRODUCERS.has(op) && !(NORMS.has(op) && node.op === 'relu')) continue;
    if (attrs.relu || attrs.tanh) continue;
    attrs[node.op] = true;
    replacement.set(node, () => input);
  }
  if (replacement.size > 0) substitute(ir, replacement);
}

/** `where(0 < y, dy, 0)`: the gradient of relu written with its output. */
function reluMask(node: IrNode): { y: IrRef; dy: IrRef } | undefined {
  if (node.op !== 'where') return undefined;
  const [condition, dy, zero] = node.inputs as [IrRef, IrRef, IrRef];
  if (condition.node.op !== 'less' || !isZero(zero)) return undefined;
  const [left, y] = condition.node.inputs as [IrRef, IrRef];
  return isZero(left) ? { y, dy } : undefined;
}

const isZero = (r: IrRef): boolean => r.node.op === 'full' && r.node.attrs.value === 0;

/** Backward of batch norm + relu: the mask is computed again from x inside the kernel, y is not read. */
function fuseNormRelu(ir: Ir): void {
  const uses = new Uses(ir);
  let changed = false;
  for (const node of ir.nodes) {
    if (node.op !== 'batchNormGrad' || node.attrs.relu) continue;
    const [x, gamma, mean, variance, dy] = node.inputs as [IrRef, IrRef, IrRef, IrRef, IrRef];
    const mask = reluMask(dy.node);
    if (!mask || uses.count(dy) !== 1) continue;
    const forward = mask.y.node;
    if (forward.op !== 'batchNorm' || !forward.attrs.relu || mask.y.output !== 0) continue;
    if (mean.node !== forward || variance.node !== forward || !sameRef(forward.inputs[0]!, x)) continue;
    if (!sameRef(forward.inputs[1]!, gamma) || forward.attrs.eps !== node.attrs.eps) continue;
    node.attrs.relu = true;
    node.inputs = [x, gamma, mean, variance, mask.dy, forward.inputs[2]!];
    changed = true;
  }
  if (changed) sortIr(ir);
}

/** The gradients of weight and bias both read all of dy: one pass makes both. */
function fuseBiasGradient(ir: Ir): void {
  const sums = new Map<IrNode, IrNode[]>();
  for (const node of ir.nodes) {
    if (node.op !== 'sum' || node.attrs.keepDims || irType(node.inputs[0]!).shape.length !== 4) continue;
    if ((node.attrs.axes as number[]).join() !== '0,2,3' || irType(node.inputs[0]!).dtype !== 'float32') continue;
    const source = node.inputs[0]!.node;
    sums.set(source, [...(sums.get(source) ?? []), node]);
  }
  const replacement = new Map<IrNode, (output: number) => IrRef>();
  for (const node of ir.nodes) {
    if (node.op !== 'conv2dWeightGrad') continue;
    const dy = node.inputs[1]!;
    const sum = sums.get(dy.node)?.find((s) => sameRef(s.inputs[0]!, dy) && !replacement.has(s));
    if (!sum || dependsOn(node.inputs[0]!.node, sum)) continue;
    node.outputs = [node.outputs[0]!, sum.outputs[0]!];
    replacement.set(sum, () => of(node, 1));
  }
  if (replacement.size > 0) substitute(ir, replacement);
}

function dependsOn(node: IrNode, on: IrNode): boolean {
  const order: IrNode[] = [];
  visit(node, (n) => n.inputs.map((r) => r.node), new Set(), order);
  return order.includes(on);
}
