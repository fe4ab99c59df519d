import { describe, expect, test } from 'vitest';
import { isFloat } from '../../src/tensor/dtype.js';
import { shapeContext } from '../../src/tensor/ops/define.js';
import type { OpName } from '../../src/tensor/ops/signatures.js';
import { opDef, opNames } from '../../src/tensor/ops/table.js';
import type { HostTensor } from '../../src/tensor/shape.js';
import { runKernel } from './evaluate.js';
import { forSeeds } from './property.js';
import { type Sample, sample } from './samples.js';

const sources: readonly OpName[] = ['input', 'state'];

function outputsOf(op: OpName, { inputs, attrs }: Sample): HostTensor[] {
  const types = opDef(op).shape(inputs, attrs as never, shapeContext(op, inputs, ''));
  return runKernel(op, inputs, types, attrs);
}

/** Widest error of a float32 kernel against itself in float64, relative to the largest value it makes (or one). */
const FLOAT32_ERROR = 5e-7;

describe('samples fit their operations', () => {
  test.each([...opNames])('%s', (op) => {
    forSeeds(25, (seed) => {
      const narrow = sample(op, seed, 'float32');
      const wide = sample(op, seed, 'float64');
      expect(sample(op, seed, 'float64')).toEqual(wide);
      expect(narrow.inputs.map((x) => [...x.data])).toEqual(wide.inputs.map((x) => [...x.data]));
      const [least, most] = opDef(op).arity;
      expect(wide.inputs.length).toBeGreaterThanOrEqual(least);
      expect(wide.inputs.length).toBeLessThanOrEqual(most);
      if (sources.includes(op)) return;

      const before = wide.inputs.map((x) => x.data.slice());
      const outputs = outputsOf(op, wide);
      expect(wide.inputs.map((x) => x.data)).toEqual(before); // kernels leave their inputs alone
      const rounded = outputsOf(op, narrow);
      for (const [o, y] of outputs.entries()) {
        const r = rounded[o]!;
        expect(r.shape).toEqual(y.shape);
        if (!isFloat(y.dtype)) expect(r.data).toEqual(y.data);
        const largest = Math.max(1, ...Array.from(y.data, Math.abs));
        expect(largest).toBeLessThan(1e6);
        for (let i = 0; i < y.data.length; i++)
          expect(Math.abs(r.data[i]! - y.data[i]!)).toBeLessThanOrEqual(FLOAT32_ERROR * largest);
      }
    });
  });
});
