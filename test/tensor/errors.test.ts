import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/tensor/dtype.js';
import { applyAll, input } from '../../src/tensor/node.js';
import type { OpAttrs, OpName } from '../../src/tensor/ops/signatures.js';
import { opDef, opNames } from '../../src/tensor/ops/table.js';
import { withLayer } from '../../src/tensor/scope.js';
import { ShapeError, type TensorType } from '../../src/tensor/shape.js';

/** Inputs (float32 unless said otherwise), changed attributes, and what the message must say. */
type Bad<K extends OpName> = [inputs: (number[] | [DType, ...number[]])[], attrs: Partial<OpAttrs[K]>, message: RegExp];

const conv = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
const pool = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], ceilMode: false } as const;
const lrn = { size: 5, alpha: 1e-4, beta: 0.75, k: 1 } as const;
const entropy = { labelSmoothing: 0, ignoreIndex: -100, reduction: 'mean' } as const;
const bilinear = { mode: 'bilinear', size: [4, 4], alignCorners: false } as const;
const image = [2, 3, 8, 9];

const reduction: Bad<'sum'>[] = [
  [[[2, 3]], { axes: [2], keepDims: false }, /axes \[2\]/],
  [[[2, 3]], { axes: [1, 0], keepDims: false }, /axes \[1, 0\] must be sorted/],
];
const unary: Bad<'neg'>[] = [[[['bool', 3]], {}, /cast/]];
const binary: Bad<'add'>[] = [
  [
    [
      [2, 3],
      [2, 4],
    ],
    {},
    /broadcast/,
  ],
  [[[3], ['int32', 3]], {}, /one dtype/],
  [
    [
      ['bool', 3],
      ['bool', 3],
    ],
    {},
    /cast/,
  ],
];
const compare: Bad<'less'>[] = [
  [[[2, 3], [2]], {}, /broadcast/],
  [[[3], ['float64', 3]], {}, /one dtype/],
];
const logical: Bad<'and'>[] = [[[[3], [3]], {}, /boolean/]];
const softmax: Bad<'softmax'>[] = [
  [[[2, 3]], { axis: 2 }, /axis 2 does not exist/],
  [[[2, 3]], { axis: -1 }, /axis -1 does not exist/],
  [[['int32', 3]], { axis: 0 }, /floating-point/],
];
const window = <K extends 'maxPool2d' | 'avgPool2d'>(rest: Partial<OpAttrs[K]>): Bad<K>[] =>
  (
    [
      [[[3, 8, 9]], {}, /input must be \[N, C, H, W\], not \[3, 8, 9\]/],
      [[['int32', 2, 3, 8, 9]], {}, /floating-point values, not int32/],
      [[[2, 3, 1, 9]], {}, /spans 2 with padding 0 needs a height of at least 2, not 1/],
      [[image], { kernel: [2, 13], padding: [0, 1] }, /spans 13 with padding 1 needs a width of at least 11, not 9/],
      [[image], { stride: [0, 1] }, /stride must be two integers of at least 1, not \[0, 1\]/],
      [[image], { padding: [0, 2] }, /padding 2 must be at most half of the kernel size 2/],
      [[image], { kernel: [2.5, 2] }, /kernel must be two integers/],
    ] as const
  ).map(([inputs, attrs, message]) => [inputs, { ...pool, ...rest, ...attrs }, message] as unknown as Bad<K>);

/** Total over the op union: a rule that refuses nothing says so. */
const bad: { readonly [K in OpName]: readonly Bad<K>[] | 'takes anything' } = {
  input: [[[], { name: 'x', shape: [2, -1], dtype: 'float32' }, /whole numbers >= 0, got \[2, -1\]/]],
  state: [[[], { name: 'w', shape: [1.5], dtype: 'float32' }, /whole numbers >= 0, got \[1.5\]/]],
  constant: [
    [[], { shape: [-2, -3], dtype: 'float32', data: new Float32Array(6) }, /whole numbers >= 0, got \[-2, -3\]/],
    [[], { shape: [2, 3], dtype: 'float32', data: new Float32Array(5) }, /5 values do not fill \[2, 3\]/],
  ],
  full: [[[], { shape: [-2], dtype: 'float32', value: 0 }, /whole numbers >= 0, got \[-2\]/]],
  random: [
    [[['int32', 3]], { shape: [2], distribution: 'normal', stream: 0 }, /key must be int32\[2\]/],
    [[['int32', 2]], { shape: [-2], distribution: 'normal', stream: 0 }, /whole numbers >= 0, got \[-2\]/],
  ],
  neg: unary,
  abs: unary,
  sign: unary,
  exp: unary,
  log: unary,
  sqrt: unary,
  reciprocal: unary,
  floor: unary,
  tanh: unary,
  sigmoid: unary,
  relu: unary,
  softplus: unary,
  isFinite: 'takes anything',
  not: [[[[3]], {}, /boolean/]],
  cast: 'takes anything',
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  pow: binary,
  maximum: binary,
  minimum: binary,
  equal: compare,
  less: compare,
  lessEqual: compare,
  and: logical,
  or: logical,
  where: [
    [[[3], [3], [3]], {}, /condition must be bool/],
    [[['bool', 3], [3], ['int32', 3]], {}, /one dtype/],
    [[['bool', 2], [3], [3]], {}, /broadcast/],
  ],
  bceWithLogits: [
    [[[3], [4]], {}, /same shape/],
    [[[3], ['int32', 3]], {}, /one floating-point dtype/],
    [[[3], [3], [2]], {}, /positive weight does not broadcast/],
    [[[3], [3], [2, 3]], {}, /positive weight does not broadcast/],
  ],
  dropout: [
    [[[3], ['int32', 2]], { p: 1, stream: 0 }, /p must be at least 0 and below 1, got 1/],
    [[[3], [2]], { p: 0.5, stream: 0 }, /key must be int32\[2\]/],
  ],
  broadcastTo: [
    [[[2, 3]], { shape: [2, 4] }, /broadcast to \[2, 4\]/],
    [[[2, 3]], { shape: [3] }, /broadcast to \[3\]/],
    [[[1]], { shape: [-1] }, /whole numbers >= 0, got \[-1\]/],
    [[[2, 3]], { shape: [1, 3] }, /broadcast to \[1, 3\]/],
  ],
  reshape: [
    [[[2, 3]], { shape: [7] }, /6 values do not fill the shape \[7\]/],
    [[[2, 3]], { shape: [-2, -3] }, /do not fill/],
  ],
  permute: [
    [[[2, 3]], { axes: [0, 0] }, /axes \[0, 0\] are not a permutation/],
    [[[2, 3]], { axes: [0] }, /not a permutation/],
  ],
  slice: [
    [[[2, 3]], { start: [0], stop: [2], step: [1] }, /2 entries/],
    [[[2, 3]], { start: [0, 0], stop: [2, 4], step: [1, 1] }, /axis 1 of size 3 cannot be sliced from 0 to 4 by 1/],
    [[[2, 3]], { start: [0, 2], stop: [2, 1], step: [1, 1] }, /axis 1 of size 3/],
    [[[2, 3]], { start: [0, 0], stop: [2, 3], step: [1, 0] }, /by 0/],
  ],
  pad: [
    [[[2, 3]], { low: [0, -1], high: [0, 0], interior: [0, 0], value: 0 }, /low must be 2 whole numbers >= 0/],
    [[[2, 3]], { low: [0, 0], high: [0], interior: [0, 0], value: 0 }, /high must be 2 whole numbers/],
  ],
  concat: [
    [
      [
        [2, 3],
        [2, 4],
      ],
      { axis: 0 },
      /same sizes except along axis 0/,
    ],
    [
      [
        [2, 3],
        ['float64', 2, 3],
      ],
      { axis: 0 },
      /one dtype/,
    ],
    [[[2, 3]], { axis: 2 }, /axis 2 does not exist/],
    [[], { axis: 0 }, /takes 1 .*got 0/],
  ],
  sum: [...reduction, [[['bool', 3]], { axes: [0], keepDims: false }, /cast/]],
  mean: reduction,
  max: reduction,
  argmax: [[[[2, 3]], { axis: 2 }, /axis 2 does not exist/]],
  allFinite: 'takes anything',
  oneHot: [
    [[[2]], { classes: 3, axis: 1, dtype: 'float32' }, /integer indices/],
    [[['int32', 2]], { classes: 3, axis: 2, dtype: 'float32' }, /axis 2 does not exist/],
    [[['int32', 2]], { classes: 0, axis: 0, dtype: 'float32' }, /classes must be a positive integer, got 0/],
  ],
  softmax,
  logSoftmax: softmax,
  matmul: [
    [
      [
        [2, 3],
        [4, 5],
      ],
      { transposeA: false, transposeB: false },
      /left side has 3 columns, the right side 4 rows/,
    ],
    [
      [
        [2, 3],
        [3, 5],
      ],
      { transposeA: false, transposeB: true },
      /left side has 3 columns, the right side 5 rows/,
    ],
    [[[3], [3, 5]], { transposeA: false, transposeB: false }, /two axes/],
    [[[2, 3], [3, 5], [4]], { transposeA: false, transposeB: false }, /bias must have 5 values/],
    [
      [
        [2, 2, 3],
        [4, 3, 5],
      ],
      { transposeA: false, transposeB: false },
      /leading axes do not broadcast/,
    ],
    [
      [
        [2, 3],
        ['int32', 3, 5],
      ],
      { transposeA: false, transposeB: false },
      /one floating-point dtype/,
    ],
  ],
  conv2d: [
    [[image, [4, 2, 3, 3]], conv, /input has 3 channels, the weight expects 2 \(2 x 1 groups\)/],
    [[image, [4, 1, 3, 3]], { ...conv, groups: 3 }, /4 output channels cannot be split into 3 groups/],
    [[image, [4, 3, 3, 3], [5]], conv, /bias must be \[4\], not \[5\]/],
    [[image, [4, 3, 9, 3]], conv, /kernel that spans 9 .*needs a height of at least 9, not 8/],
    [
      [image, [4, 3, 3, 5]],
      { ...conv, dilation: [1, 3], padding: [0, 1] },
      /spans 13 \(size 5, dilation 3\) with padding 1 needs a width of at least 11, not 9/,
    ],
    [[image, [4, 3, 3, 3]], { ...conv, stride: [1, 0] }, /stride must be two integers of at least 1/],
    [[image, [4, 3, 3, 3]], { ...conv, padding: [-1, 0] }, /padding must be two integers of at least 0/],
    [[image, [4, 3, 3, 3]], { ...conv, dilation: [0, 1] }, /dilation must be two integers of at least 1/],
    [[image, [4, 3, 3, 3]], { ...conv, groups: 0 }, /groups must be a positive integer, not 0/],
    [[image, [4, 3, 3]], conv, /weight must be \[O, I\/groups, kH, kW\], not \[4, 3, 3\]/],
    [
      [
        [3, 8, 9],
        [4, 3, 3, 3],
      ],
      conv,
      /input must be \[N, C, H, W\], not \[3, 8, 9\]/,
    ],
    [[image, ['float64', 4, 3, 3, 3]], conv, /different dtypes \(float32 and float64\)/],
    [
      [
        ['uint8', ...image],
        [4, 3, 3, 3],
      ],
      conv,
      /floating-point values, not uint8/,
    ],
  ],
  convTranspose2d: [
    [[image, [4, 2, 3, 3]], { ...conv, outputPadding: [0, 0] }, /input has 3 channels, the weight expects 4/],
    [
      [image, [3, 2, 3, 3]],
      { ...conv, groups: 2, outputPadding: [0, 0] },
      /3 input channels cannot be split into 2 groups/,
    ],
    [
      [image, [3, 2, 3, 3]],
      { ...conv, outputPadding: [1, 0] },
      /outputPadding 1 must be smaller than the stride 1 or the dilation 1/,
    ],
    [
      [
        [2, 3, 1, 9],
        [3, 2, 2, 2],
      ],
      { ...conv, padding: [1, 0], outputPadding: [0, 0] },
      /padding 1 crops all 2 pixels of the output's height/,
    ],
    [[image, [3, 2, 3, 3], [3]], { ...conv, outputPadding: [0, 0] }, /bias must be \[2\], not \[3\]/],
  ],
  conv2dWeightGrad: [
    [[image, [2, 4, 6, 6]], { ...conv, kernel: [3, 3] }, /output gradient must be \[2, 4, 6, 7\], not \[2, 4, 6, 6\]/],
    [
      [image, [2, 4, 6, 7]],
      { ...conv, groups: 2, kernel: [3, 3] },
      /3 channels of the input cannot be split into 2 groups/,
    ],
  ],
  maxPool2d: [
    ...window<'maxPool2d'>({ dilation: [1, 1] }),
    [[[2, 3, 8, 3]], { ...pool, dilation: [1, 3] }, /spans 4 with padding 0 needs a width of at least 4, not 3/],
  ],
  maxPool2dGrad: [
    [
      [image, [2, 3, 4, 5]],
      { ...pool, dilation: [1, 1] },
      /output gradient must be \[2, 3, 4, 4\], not \[2, 3, 4, 5\]/,
    ],
  ],
  avgPool2d: window<'avgPool2d'>({ countIncludePad: true }),
  avgPool2dGrad: [
    [[[2, 3, 4, 5]], { ...pool, countIncludePad: true, inputSize: [8, 9] }, /output gradient must be \[2, 3, 4, 4\]/],
  ],
  adaptiveAvgPool2d: [[[image], { size: [0, 2] }, /size must be two integers of at least 1, not \[0, 2\]/]],
  adaptiveAvgPool2dGrad: [[[image], { inputSize: [0, 2] }, /inputSize must be two integers of at least 1/]],
  batchNorm: [
    [[image, [4], [3]], { eps: 1e-5 }, /gamma must be \[3\], not \[4\]/],
    [[image, [3], [1, 3]], { eps: 1e-5 }, /beta must be \[3\], not \[1, 3\]/],
    [[[1, 3, 1, 1], [3], [3]], { eps: 1e-5 }, /one value per channel has no variance/],
    [[[3], [3], [3]], { eps: 1e-5 }, /input must be \[N, C, ...\]/],
    [[image, [3], [3]], { eps: -1 }, /eps must be a number of at least 0, not -1/],
  ],
  batchNormGrad: [[[image, [3], [3], [3], [2, 3, 9, 8]], { eps: 1e-5 }, /output gradient must be \[2, 3, 8, 9\]/]],
  batchNormInference: [[[image, [3], [3], [3], [2]], { eps: 1e-5 }, /variance must be \[3\], not \[2\]/]],
  localResponseNorm: [[[image], { ...lrn, size: 0 }, /size must be a positive number of channels, not 0/]],
  localResponseNormGrad: [[[image, [2, 3, 8, 8]], lrn, /output gradient must be \[2, 3, 8, 9\]/]],
  crossEntropy: [
    [[[2, 3], [2]], entropy, /targets must be integers/],
    [
      [
        [2, 3],
        ['int32', 3],
      ],
      entropy,
      /targets must have the shape \[2\]/,
    ],
    [
      [
        [2, 3, 4],
        ['int32', 2],
      ],
      entropy,
      /targets must have the shape \[2, 4\]/,
    ],
    [[[2, 3], ['int32', 2], [2]], entropy, /class weights must be float32\[3\]/],
    [
      [
        [2, 3],
        ['int32', 2],
      ],
      { ...entropy, labelSmoothing: 1.5 },
      /smoothing must be in \[0, 1\], got 1.5/,
    ],
    [[[3], ['int32', 3]], entropy, /logits must be floating point \[N, C, ...\]/],
  ],
  crossEntropyGrad: [[[[2, 3], ['int32', 2], [2]], entropy, /upstream gradient must have the shape \[\]/]],
  lovaszWeights: [
    [
      [
        [2, 3, 4],
        ['bool', 2, 3, 4],
      ],
      {},
      /errors must be floating point \[rows, pixels\]/,
    ],
    [
      [
        [2, 3],
        [2, 3],
      ],
      {},
      /foreground must be bool\[2, 3\]/,
    ],
    [
      [
        [2, 3],
        ['bool', 2, 3],
        ['bool', 3],
      ],
      {},
      /counted must be bool\[2, 3\]/,
    ],
  ],
  resize2d: [
    [[image], { ...bilinear, size: [0, 4] }, /size must be two integers of at least 1/],
    [[image], { ...bilinear, mode: 'nearest', alignCorners: true }, /alignCorners only has a meaning in bilinear mode/],
    [[image], { ...bilinear, mode: 'cubic' as 'nearest' }, /mode must be nearest or bilinear, not cubic/],
    [[[2, 3, 0, 4]], bilinear, /has an empty axis/],
  ],
  resize2dGrad: [[[image], { ...bilinear, inputSize: [8, 8] }, /output gradient must be 4 x 4 pixels/]],
};

function typeOf(given: readonly (number | DType)[]): TensorType {
  const [first, ...rest] = given;
  return typeof first === 'string'
    ? { dtype: first, shape: rest as number[] }
    : { dtype: 'float32', shape: given as number[] };
}

describe('operations refuse what does not fit, and say the operation, the layer, the shapes and what they expect', () => {
  test.each([...opNames])('%s', (op) => {
    const list = bad[op] as readonly Bad<OpName>[] | 'takes anything';
    if (list === 'takes anything') return;
    for (const [given, attrs, message] of list) {
      const types = given.map(typeOf);
      const run = () =>
        withLayer('features.3', () =>
          applyAll(
            op,
            types.map((t, i) => input(`x${i}`, t.shape, t.dtype)),
            attrs as never,
          ),
        );
      expect(run, `${op} ${JSON.stringify(given)} ${JSON.stringify(attrs)}`).toThrow(ShapeError);
      expect(run).toThrow(message);
      const shapes = types.map((t) => `${t.dtype}[${t.shape.join(', ')}]`).join(', ');
      expect(run).toThrow(`features.3: ${op}(${shapes}): `);
    }
  });

  test.each([...opNames])('%s takes no more and no fewer inputs than it says', (op) => {
    const [least, most] = opDef(op).arity;
    const x = input('x', [2, 3, 4, 5]);
    const with_ = (count: number) => () => applyAll(op, new Array(count).fill(x), {} as never);
    if (least > 0) expect(with_(least - 1)).toThrow(new RegExp(`${op}.*takes ${least}.*got ${least - 1}`));
    if (Number.isFinite(most)) expect(with_(most + 1)).toThrow(new RegExp(`${op}.*takes .*got ${most + 1}`));
  });
});
