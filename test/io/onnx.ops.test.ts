import { describe, expect, it } from 'vitest';
import { OnnxError, writeOnnx } from '../../src/io/onnx/index.js';
import { RULES } from '../../src/io/onnx/rules.js';
import { openOnnx } from '../../src/node/onnxruntime.js';
import { apply, input, type Tensor } from '../../src/tensor/node.js';
import type { OpName } from '../../src/tensor/ops/signatures.js';
import { type HostTensor, hostTensor } from '../../src/tensor/shape.js';
import { expectClose } from '../backends/conformance.js';
import { valuesOf } from '../tensor/evaluate.js';
import { sample } from '../tensor/samples.js';

/* Every operation with a translation, on random cases: onnxruntime gives what the reference kernels give. */

const CASES = 24;
/** A pixel that passes through, since a file has one input. */
const pixel = hostTensor(Float32Array.of(7), [1, 1, 1, 1]);

const stored = (name: string, { shape, dtype }: HostTensor): Tensor => apply('state', [], { name, shape, dtype });

/** What onnxruntime has no kernel for. */
const inexpressible = (op: OpName, attrs: unknown): boolean =>
  op === 'pad' && (attrs as { interior: number[] }).interior.some((n) => n > 0);

const translated = (Object.keys(RULES) as OpName[]).filter((op) => typeof RULES[op] === 'function');

describe('operations in onnxruntime', () => {
  it.each(translated)('%s', async (op) => {
    const states = new Map<string, HostTensor>();
    const cases: { y: Tensor; expected: HostTensor }[] = [];
    for (let seed = 1; cases.length < CASES; seed++) {
      const { inputs, attrs } = sample(op, seed, 'float32');
      const all = [
        ...inputs,
        apply(
          op,
          inputs.map((x, i) => stored(`probe${i}`, x)),
          attrs as never,
        ),
      ];
      if (inexpressible(op, attrs) || all.some((t) => t.dtype === 'float64')) continue;
      const named = inputs.map((x, i) => [`case${seed}.${i}`, x] as const);
      for (const [name, x] of named) states.set(name, x);
      const y = apply(
        op,
        named.map(([name, x]) => stored(name, x)),
        attrs as never,
      );
      cases.push({ y, expected: valuesOf([y], Object.fromEntries(named))[0]! });
    }
    const { bytes } = writeOnnx(
      (image) => ({
        outputs: {
          passed: input('image', image.shape),
          ...Object.fromEntries(cases.map(({ y }, i) => [`y${i}`, y])),
        },
      }),
      { name: op, imageShape: [1, 1, 1], imageType: 'float32', states },
    );
    const session = await openOnnx(bytes);
    const outputs = await session.run(pixel);
    await session.release();
    expect(outputs.passed!.data[0]).toBe(7);
    for (const [i, { expected }] of cases.entries()) expectClose(outputs[`y${i}`]!, expected, 1e-5, `${op} ${i}`);
  });

  it.each((Object.keys(RULES) as OpName[]).filter((op) => typeof RULES[op] !== 'function'))(
    '%s is refused in one sentence, or is where values come from',
    (op) => {
      if (op === 'input' || op === 'state') return;
      const { inputs, attrs } = sample(op, 3, 'float32');
      const states = new Map(inputs.map((x, i) => [`x${i}`, x]));
      const y = apply(
        op,
        [...states].map(([name, x]) => stored(name, x)),
        attrs as never,
      );
      const write = () =>
        writeOnnx((image) => ({ outputs: { y, passed: input('image', image.shape) } }), {
          name: op,
          imageShape: [1, 1, 1],
          imageType: 'float32',
          states,
        });
      expect(write).toThrow(OnnxError);
      expect(write).toThrow(new RegExp(`^${op} (belongs to training|draws random numbers) and has no place`));
    },
  );
});
