import { isFloat } from '../tensor/dtype.js';
import { apply, type Node, Tensor } from '../tensor/node.js';
import type { OpAttrs } from '../tensor/ops/signatures.js';
import type { HostTensor } from '../tensor/shape.js';
import { topologicalOrder } from '../tensor/topology.js';
import type { Session } from './session.js';

/** Training met an infinite number or NaN. Nothing was updated from it; the last checkpoint is intact. */
export class NonFiniteError extends Error {
  override name = 'NonFiniteError';
  constructor(
    message: string,
    /** Steps since the start of the run, from 1. */
    readonly step: number,
    /** The first bad tensor in words, if repeating the step found it. */
    readonly culprit: string | undefined,
  ) {
    super(message);
  }
}

/** A step as symbols: what to look at when it goes wrong. */
export interface StepTensors {
  readonly loss: Tensor;
  /** By parameter path, in order of definition. */
  readonly gradients: ReadonlyMap<string, Tensor>;
}

/**
 * Repeats a step with a check on every value it computes, forward then backward, and gives the first that is not
 * finite in words: the layer, the operation and the direction. Updates nothing. Undefined if all are finite.
 */
export async function firstBadTensor(
  session: Session,
  step: StepTensors,
  inputs: Readonly<Record<string, HostTensor>>,
): Promise<string | undefined> {
  const forward = topologicalOrder([step.loss]);
  // From the loss back: the last layer's gradients come first.
  const everything = topologicalOrder([step.loss, ...[...step.gradients.values()].reverse()]);
  const checked: { node: Node; flag: Tensor }[] = [];
  for (const node of everything)
    for (const [index, type] of node.outputs.entries())
      if (isFloat(type.dtype)) checked.push({ node, flag: apply('allFinite', [new Tensor(node, index)], {}) });

  const outputs = Object.fromEntries(checked.map(({ flag }, i) => [`${i}`, flag]));
  const program = await session.compile('diagnose', { outputs });
  try {
    const flags = await program.run(inputs);
    const bad = checked.find((_, i) => flags[`${i}`]!.data[0] === 0)?.node;
    return bad && describe(bad, forward.includes(bad) ? 'forward' : 'backward');
  } finally {
    program.dispose();
  }
}

function describe(node: Node, direction: 'forward' | 'backward'): string {
  if (node.op === 'state') return `the stored value of ${(node.attrs as OpAttrs['state']).name}`;
  if (node.op === 'input') return `the input "${(node.attrs as OpAttrs['input']).name}"`;
  const where = node.label ? `${node.label} (${node.op})` : `${node.op}, outside of the layers`;
  return direction === 'forward' ? `the output of ${where}` : `a gradient computed in ${where}`;
}
