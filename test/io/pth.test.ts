import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32 } from '../../src/io/crc32.js';
import { readPth, writePth } from '../../src/io/pth/index.js';
import { inflate } from '../../src/io/pth/inflate.js';
import { type HostTensor, hostTensor } from '../../src/tensor/shape.js';
import { dictOf, int, pickle, str, tensor, u32, weightFile, zipOf } from './pickles.js';

interface Expected {
  readonly types: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>;
}
const expected = JSON.parse(new TextDecoder().decode(weightFile('expected.json'))) as Expected;

describe('files of PyTorch', () => {
  it.each([
    ['zip', 'types.pth'],
    ['legacy', 'types_legacy.pth'],
    ['zip', 'types_deflated.pth'],
    ['zip', 'types_big.pth'],
  ])('%s: every type, stride and order of bytes in %s', (format, name) => {
    const file = readPth(weightFile(name), name);
    expect(file.format).toBe(format);
    expect(file.within).toEqual(['state_dict']);
    const names = Object.keys(expected.types);
    expect([...file.tensors.keys()]).toEqual(names.map((n) => `module.${n}`));
    for (const [key, { shape, data }] of Object.entries(expected.types)) {
      const tensor = file.tensors.get(`module.${key}`)!;
      expect([key, tensor.shape, [...tensor.data]]).toEqual([key, shape, data]);
    }
    const dtype = (key: string) => file.tensors.get(`module.${key}`)!.dtype;
    expect(['half', 'bfloat16', 'double', 'long', 'byte', 'bool'].map(dtype)).toEqual(
      'float32 float32 float64 int32 uint8 bool'.split(' '),
    );
  });

  it('reads floats without copying them', () => {
    const bytes = weightFile('vgg11.pth');
    const { tensors } = readPth(bytes);
    expect(tensors.get('features.0.weight')!.data.buffer).toBe(bytes.buffer);
  });

  it('gives back what was written, wherever the bytes lie', () => {
    const tensors: [string, HostTensor][] = [
      ['a.weight', hostTensor(Float32Array.of(1.5, -2, Number.NaN, Number.POSITIVE_INFINITY, -0, 1e-45), [2, 3])],
      ['ünïcode', hostTensor(Float64Array.of(Math.PI), [])],
      ['num_batches_tracked', hostTensor(Int32Array.of(-7), [])],
      ['empty', hostTensor(new Float32Array(0), [0, 4])],
      ['bytes', hostTensor(Uint8Array.of(1, 2, 255), [3])],
      ['flag', { data: Uint8Array.of(1, 0), shape: [2], dtype: 'bool' }],
    ];
    const bytes = writePth(tensors, { int64: (name) => name === 'num_batches_tracked' });
    expect(new TextDecoder('latin1').decode(bytes)).toContain('LongStorage');
    for (const shift of [0, 1, 5]) {
      const moved = new Uint8Array(bytes.length + shift).subarray(shift);
      moved.set(bytes);
      expect([...readPth(moved).tensors]).toEqual(tensors);
    }
    expect(() => writePth([tensors[0]!, tensors[0]!])).toThrow('two tensors are named "a.weight"');
  });
});

const list = (n: number) => new Array(n).fill(']').join('');

/** What is in the file, and what the sentence says. */
const refused: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
  ['nothing', new Uint8Array(0), /begins neither as a zip archive nor/],
  ['another pickle', Uint8Array.of(0x80, 4, 0x2e), /it is a pickle, but not one of torch\.save/],
  [
    'a command',
    zipOf(pickle('cos\nsystem\n', '(', str('touch /tmp/owned'), 'tR')),
    /it asks for os\.system, and only tensors and plain containers are read \(nothing of it was run\)/,
  ],
  ['eval', zipOf(dictOf('c__builtin__\neval\n')), /it asks for __builtin__\.eval/],
  [
    'a name hidden in a longer one',
    zipOf(dictOf('ctorch\nFloatStorage.__init__\n')),
    /asks for torch\.FloatStorage\.__init__/,
  ],
  ['a name of two parts', zipOf(pickle(str('posix'), str('system'), 0x93)), /it asks for posix\.system/],
  ['control characters in a name', zipOf(dictOf('ca\u001b[31m\nb\u0007\n')), /it asks for a\?\?31m\.b\?,/],
  [
    'a whole network',
    zipOf(dictOf('ctorch.nn.modules.linear\nLinear\n')),
    /asks for torch\.nn\.modules\.linear\.Linear.*state_dict/,
  ],
  ['a call of a class of numbers', zipOf(dictOf('ctorch\nFloatStorage\n', ')R')), /it calls torch\.FloatStorage/],
  ['a call of a text', zipOf(dictOf(str('x'), ')R')), /calls something that cannot be called/],
  ['attributes', zipOf(dictOf(']}b')), /sets attributes of something that is no dict/],
  [
    'a new object',
    zipOf(dictOf('ccollections\nOrderedDict\n)', 0x81)),
    /is the operation 0x81, which no file of weights needs/,
  ],
  [
    'a storage larger than the file',
    zipOf(dictOf(tensor(2 ** 30, 0, [4], [1]))),
    /storage "0" claims 4294967296 bytes, the file holds 16/,
  ],
  ['a negative length', zipOf(dictOf(tensor(-4, 0, [4], [1]))), /not described as PyTorch does/],
  ['a view beyond its storage', zipOf(dictOf(tensor(4, 1, [4], [1]))), /reaches to element 4 of a storage that has 4/],
  ['a view of long strides', zipOf(dictOf(tensor(4, 0, [2, 2], [1000, 1]))), /reaches to element 1001/],
  [
    'a view of negative strides',
    zipOf(dictOf(tensor(4, 3, [4], [-1]))),
    /strides or an offset that are no whole numbers/,
  ],
  ['a view of endless size', zipOf(dictOf(tensor(4, 0, [2e9, 2e9, 2e9], [0, 0, 0]))), /has the shape/],
  [
    'one value that is to be many',
    zipOf(dictOf(tensor(4, 0, [2e9], [0]))),
    /would take far more memory than the file has bytes/,
  ],
  ['a list in itself', zipOf(pickle('}', str('w'), ']q\u0000h\u0000as')), /a container in it holds itself/],
  ['a dict in itself', zipOf(pickle('}q\u0000', str('w'), 'h\u0000s')), /a container in it holds itself/],
  ['deep lists', zipOf(dictOf(list(100), new Array(99).fill('a').join(''))), /nested more than 64 levels deep/],
  ['very deep tuples', zipOf(dictOf(')', new Uint8Array(200_000).fill(0x85))), /nested more than 64 levels deep/],
  [
    'a stack without end',
    zipOf(pickle(new Uint8Array(100_000).fill(0x4e))),
    /more than 65536 values wait on its stack/,
  ],
  [
    'operations without end',
    zipOf(
      pickle(
        '}',
        new Uint8Array(5_000_000).map((_, i) => (i % 2 ? 0x30 : 0x4e)),
      ),
    ),
    /more than 4194304 operations/,
  ],
  ['a memo that nobody filled', zipOf(pickle('h\u0007')), /it has no value number 7/],
  ['a text of 4 GB', zipOf(pickle(0x58, u32(0xfffffff0))), /its pickle is cut short/],
  ['a huge number', zipOf(pickle(0x8b, u32(100_000))), /a number of 100000 bytes/],
  ['no end', zipOf(pickle('}').slice(0, -1)), /its pickle is cut short/],
  ['too much at the end', zipOf(pickle('}}')), /1 values are left over/],
  ['protocol 9', zipOf(Uint8Array.of(0x80, 9, 0x2e)), /protocol 9, expected 2 to 5/],
  ['no tensors', zipOf(pickle('}')), /it holds no tensors/],
  ['no weights', zipOf(dictOf(int(1))), /no weights under a known key \(it has "w"\)/],
  ['a list', zipOf(pickle(']')), /it holds no dict of tensors/],
  [
    'a storage that is not there',
    zipOf(dictOf(tensor(4, 0, [4], [1])).map((b) => (b === 0x30 ? 0x31 : b))),
    /no storage "1"/,
  ],
  ['a cut archive', zipOf(dictOf(tensor(4, 0, [4], [1]))).slice(0, -30), /archive is cut short or damaged/],
];

it.each(refused)('refuses %s in one sentence that names the file', (_, bytes, message) => {
  expect(() => readPth(bytes, 'w.pth')).toThrow(message);
  expect(() => readPth(bytes, 'w.pth')).toThrow(/^w\.pth cannot be read as PyTorch weights: [^\n]{1,420}$/);
});

// Whoever walked through them would not come back.
it('looks at each container once, also where they double at every level', () => {
  // Each list holds the one before twice: 2^60 items in all.
  const levels = Array.from(
    { length: 60 },
    (_, i) => `]q${String.fromCharCode(i + 1)}h${String.fromCharCode(i)}ah${String.fromCharCode(i)}a`,
  );
  const bytes = zipOf(
    pickle(
      '}',
      str('x'),
      ']q\u0000',
      ...levels,
      `0${'0'.repeat(60)}`,
      'h\u003cs',
      str('w'),
      tensor(4, 0, [4], [1]),
      's',
    ),
  );
  expect([...readPth(bytes).tensors.keys()]).toEqual(['w']);
});

it('takes little memory for what claims much', () => {
  const claims = [tensor(2 ** 30, 0, [2 ** 30], [1]), tensor(4, 0, [2e9], [0])].map((t) => zipOf(dictOf(t)));
  const before = process.memoryUsage();
  for (let i = 0; i < 100; i++) for (const bytes of claims) expect(() => readPth(bytes)).toThrow();
  const after = process.memoryUsage();
  expect(after.rss + after.arrayBuffers - before.rss - before.arrayBuffers).toBeLessThan(64 * 2 ** 20);
});

describe('zip archives', () => {
  const no = (message: string): never => {
    throw new Error(message);
  };

  it('unpacks what zlib packs', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3000 }),
        fc.nat(20),
        fc.nat(9),
        fc.constantFrom(0, 1, 2, 3, 4),
        (bytes, repeat, level, strategy) => {
          const data = Buffer.concat(new Array(repeat + 1).fill(bytes));
          const packed = deflateRawSync(data, { level, strategy });
          expect(Buffer.from(inflate(packed, data.length, no)).equals(data)).toBe(true);
        },
      ),
    );
    expect(() => inflate(deflateRawSync(new Uint8Array(100)), 99, no)).toThrow('its packed data is damaged');
    expect(() => inflate(deflateRawSync(new Uint8Array(100)), 101, no)).toThrow('its packed data is damaged');
  });

  it('refuses to unpack far more than the file has bytes', () => {
    const bytes = weightFile('types_deflated.pth').slice();
    // The unpacked size of each entry in the list.
    const view = new DataView(bytes.buffer);
    for (let i = 0; i + 46 < bytes.length; i++)
      if (view.getUint32(i, true) === 0x02014b50) view.setUint32(i + 24, 0x70000000, true);
    expect(() => readPth(bytes, 'w.pth')).toThrow(/it would unpack to more than \d+ bytes, far more than its 3389/);
  });

  it('has the checksum of everyone else', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(new TextEncoder().encode('The quick brown fox jumps over the lazy dog'))).toBe(0x414fa339);
  });
});
