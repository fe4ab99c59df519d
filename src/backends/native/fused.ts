import type { Shape, TensorType } from '../../tensor/shape.js';
import { elementwiseInstructions, type Instruction, isRawInput } from './elementwise.js';
import { type IrNode, type IrRef, irType } from './ir.js';

interface VirtualInstruction {
  readonly op: string;
  readonly dst: number;
  readonly args: readonly number[];
  readonly p: number;
  readonly stream: number;
}

/**
 * Writes a group of element-wise nodes as one `fused` node: operands, constants, and instructions over registers.
 * Attributes: `shape` (of the pass), `kinds` of the operand registers (value, raw, index), `consts` with
 * `constTypes`, `ops` with four `args` (dst, a, b, c) and two `imms` (p, stream) each, `registers`, and for each
 * output its register and kind (store, sum, mean, finite) and the state it is written to (`states`).
 */
export function fuseCluster(
  members: readonly IrNode[],
  shape: Shape,
  needed: (node: IrNode) => boolean,
): { node: IrNode; outputs: Map<IrNode, number> } {
  const build = new ClusterBuilder(members);
  for (const m of members) build.add(m);
  const outputs = new Map<IrNode, number>();
  const outRegs: number[] = [];
  const outKinds: string[] = [];
  const types: TensorType[] = [];
  for (const m of members) {
    if (!needed(m)) continue;
    outputs.set(m, types.length);
    types.push(m.outputs[0]!);
    outRegs.push(build.valueOf({ node: m, output: 0 }));
    outKinds.push(m.op === 'sum' || m.op === 'mean' ? m.op : m.op === 'allFinite' ? 'finite' : 'store');
  }
  const { attrs, inputs } = build.finish(outRegs);
  const node: IrNode = {
    op: 'fused',
    attrs: { shape, ...attrs, outKinds, states: types.map(() => '') },
    inputs,
    outputs: types,
    label: [...members].reverse().find((m) => m.label)?.label ?? '',
    phase: members.at(-1)!.phase,
  };
  return { node, outputs };
}

class ClusterBuilder {
  private readonly inside: Set<IrNode>;
  private readonly inputs: IrRef[] = [];
  private readonly kinds: string[] = [];
  private readonly consts: { value: number; type: string }[] = [];
  private readonly instructions: VirtualInstruction[] = [];
  /** Virtual registers: operand i is i, constant i is 1e6 + i, results are 2e6 upwards. */
  private next = RESULT;
  private readonly results = new Map<IrNode, number>();
  private indexOperand = -1;

  constructor(members: readonly IrNode[]) {
    this.inside = new Set(members);
  }

  valueOf(ref: IrRef): number {
    if (this.inside.has(ref.node)) return this.results.get(ref.node)!;
    if (ref.node.op === 'full') {
      const value = ref.node.attrs.value as number;
      const type = irType(ref).dtype === 'float32' ? 'float32' : 'int32';
      // JavaScript's typed arrays truncate; booleans are 0 and 1, bytes wrap.
      const stored = type === 'float32' ? Math.fround(value) : irType(ref).dtype === 'int32' ? value | 0 : value & 255;
      let at = this.consts.findIndex((c) => Object.is(c.value, stored) && c.type === type);
      if (at < 0) at = this.consts.push({ value: stored, type }) - 1;
      return CONSTANT + at;
    }
    return this.operand(ref, 'value');
  }

  private operand(ref: IrRef, kind: string): number {
    let slot = 0;
    for (const [i, k] of this.kinds.entries()) {
      if (k === 'index') continue;
      const known = this.inputs[slot++]!;
      if (k === kind && known.node === ref.node && known.output === ref.output) return i;
    }
    this.inputs.push(ref);
    return this.kinds.push(kind) - 1;
  }

  private index(): number {
    if (this.indexOperand < 0) this.indexOperand = this.kinds.push('index') - 1;
    return this.indexOperand;
  }

  add(node: IrNode): void {
    const list = elementwiseInstructions(node)!;
    if (list.length === 0) {
      // Broadcasts, sums and casts that keep the register as it is.
      this.results.set(node, this.valueOf(node.inputs[0]!));
      return;
    }
    const steps: number[] = [];
    for (const k of list) {
      const args = k.args.map((a) => this.argument(node, a, steps));
      const dst = this.next++;
      this.instructions.push({ op: k.op, dst, args, p: k.p ?? 0, stream: k.stream ?? 0 });
      steps.push(dst);
    }
    this.results.set(node, steps[steps.length - 1]!);
  }

  private argument(node: IrNode, arg: Instruction['args'][number], steps: readonly number[]): number {
    if (arg === 'index') return this.index();
    if (typeof arg !== 'number') return steps[arg.step]!;
    if (arg < 0) return -1;
    return isRawInput(node, arg) ? this.operand(node.inputs[arg]!, 'raw') : this.valueOf(node.inputs[arg]!);
  }

  /** Gives out physical registers: temporaries are reused after their last reader, outputs are kept to the end. */
  finish(outRegs: readonly number[]): { attrs: Record<string, unknown>; inputs: IrRef[] } {
    const operands = this.kinds.length;
    const base = operands + this.consts.length;
    const kept = new Set(outRegs);
    const last = new Map<number, number>();
    for (const [i, k] of this.instructions.entries()) for (const a of k.args) last.set(a, i);
    const physical = new Map<number, number>();
    const free: number[] = [];
    let registers = base;
    const place = (v: number): number =>
      v < 0 ? -1 : v < CONSTANT ? v : v < RESULT ? operands + (v - CONSTANT) : physical.get(v)!;
    const ops: string[] = [];
    const args: number[] = [];
    const imms: number[] = [];
    for (const [i, k] of this.instructions.entries()) {
      const from = k.args.map(place);
      for (const a of new Set(k.args))
        if (a >= RESULT && last.get(a) === i && !kept.has(a)) free.push(physical.get(a)!);
      // Instructions go element by element, so the result may take the place of an operand that ends here.
      const dst = kept.has(k.dst) ? registers++ : (free.pop() ?? registers++);
      physical.set(k.dst, dst);
      ops.push(k.op);
      args.push(dst, from[0] ?? -1, from[1] ?? -1, from[2] ?? -1);
      imms.push(k.p, k.stream);
    }
    return {
      attrs: {
        kinds: this.kinds,
        consts: this.consts.map((c) => c.value),
        constTypes: this.consts.map((c) => c.type),
        ops,
        args,
        imms,
        registers,
        outRegs: outRegs.map(place),
      },
      inputs: this.inputs,
    };
  }
}

const CONSTANT = 1_000_000;
const RESULT = 2_000_000;
