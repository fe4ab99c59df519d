import { setShapeRule } from '../node.js';
import { convOps } from './conv.js';
import { type OpDef, shapeContext } from './define.js';
import { elementwiseOps } from './elementwise.js';
import { lossOps } from './losses.js';
import { lovaszOps } from './lovasz.js';
import { matmulOps } from './matmul.js';
import { normOps } from './norm.js';
import { poolOps } from './pool.js';
import { randomOps } from './random.js';
import { reduceOps } from './reduce.js';
import { resizeOps } from './resize.js';
import { shapeOps, sourceOps } from './shapes.js';
import type { OpName } from './signatures.js';

/** Every operation. Total over the op union: a missing or misspelt one does not compile. */
export const opTable: { readonly [K in OpName]: OpDef<K> } = {
  ...sourceOps,
  ...randomOps,
  ...elementwiseOps,
  ...shapeOps,
  ...reduceOps,
  ...matmulOps,
  ...convOps,
  ...poolOps,
  ...normOps,
  ...lossOps,
  ...lovaszOps,
  ...resizeOps,
};

export const opNames = Object.keys(opTable) as OpName[];

/** The definition of an op whose name is known only at run time; attributes and rules then go unchecked. */
export const opDef = (op: OpName): OpDef<OpName> => opTable[op] as unknown as OpDef<OpName>;

setShapeRule((op, inputs, attrs, label) => {
  const def = opDef(op);
  const context = shapeContext(op, inputs, label);
  if (inputs.length < def.arity[0] || inputs.length > def.arity[1])
    context.fail(`takes ${def.arity[0]} to ${def.arity[1]} inputs, got ${inputs.length}`);
  // Copied, since a rule may hand back one of its inputs, which can be a whole tensor with its graph.
  return def.shape(inputs, attrs as never, context).map(({ shape, dtype }) => ({ shape, dtype }));
});
