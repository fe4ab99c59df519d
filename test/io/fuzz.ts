import { writePth } from '../../src/io/pth/index.js';
import { writeZip } from '../../src/io/pth/writeZip.js';
import { readTensors } from '../../src/io/read.js';
import { writeSafetensors } from '../../src/io/safetensors.js';
import { type HostTensor, hostTensor } from '../../src/tensor/shape.js';
import { Draw } from '../tensor/draw.js';
import { dictOf, int, latin, pickle, str, tensor, weightFile, zipOf } from './pickles.js';

/** Bytes around which length and sign checks go wrong. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];
/** Operations of pickles, so that changed pickles go further than to the first unknown one. */
const OPERATIONS = [...'(.012NJKMGXUTBC]aelt)ds}uhjqrcRbQ'].map((c) => c.charCodeAt(0));
const LATE = [0x80, 0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x93, 0x94, 0x95];
const OPS = [...OPERATIONS, ...LATE];

interface Base {
  readonly bytes: Uint8Array;
  /** Where one of them is changed inside of a file: puts it back together. */
  readonly wrap?: (bytes: Uint8Array) => Uint8Array;
}

const tensors: [string, HostTensor][] = [
  ['a.weight', hostTensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])],
  ['n', hostTensor(Int32Array.of(7), [])],
];

const checkpoint = pickle(
  '}q\u0000',
  str('epoch'),
  int(3),
  's',
  str('state_dict'),
  'ccollections\nOrderedDict\n)R(',
  str('module.w'),
  tensor(4, 0, [2, 2], [2, 1]),
  str('module.h'),
  tensor(4, 1, [3], [1]),
  'u',
  '}',
  str('_metadata'),
  '}sbs',
  str('list'),
  '](',
  int(1),
  'Nh\u0000',
  0x88,
  'es0',
  '}',
  str('w'),
  tensor(4, 0, [4], [1]),
  's',
);
const inZip = (bytes: Uint8Array) => zipOf(bytes);

const bases: readonly Base[] = [
  { bytes: writePth(tensors, { int64: (n) => n === 'n' }) },
  { bytes: weightFile('types_legacy.pth') },
  { bytes: weightFile('types_deflated.pth') },
  { bytes: writeSafetensors(tensors, { metadata: { k: 'v' }, int64: (n) => n === 'n' }) },
  { bytes: checkpoint, wrap: inZip },
  { bytes: dictOf(tensor(4, 0, [2, 2], [2, 1])), wrap: inZip },
  // Pickles of nothing but random operations come from here.
  { bytes: pickle('}', str('w'), ']', int(1), 'as'), wrap: inZip },
  {
    bytes: latin('big'),
    wrap: (order) =>
      writeZip('a', [
        ['data.pkl', dictOf(tensor(4, 0, [4], [1]))],
        ['byteorder', order],
        ['data/0', new Uint8Array(16)],
      ]),
  },
];

/** One file of weights with a few changes: bytes, lengths, pieces lost, doubled, or taken from another file. */
function mutate(draw: Draw): Uint8Array {
  const below = (n: number) => draw.int(0, n - 1);
  const base = draw.pick(bases);
  let bytes: Uint8Array<ArrayBuffer> = Uint8Array.from(base.bytes);
  const pickled = base.wrap !== undefined;
  for (let k = 1 + Math.floor(5 * draw.unit() ** 3); k > 0; k--) {
    const at = below(bytes.length + 1);
    const length = 1 + below(8);
    switch (below(8)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at]! ^= 1 << below(8);
        break;
      case 2:
        for (let i = 0, edge = draw.pick(EDGES); i < length; i++) bytes[at + i] = edge;
        break;
      case 3:
        bytes = bytes.slice(0, draw.bool(0.1) ? at : undefined);
        break;
      case 4:
        bytes = join(bytes.subarray(0, at), bytes.subarray(at + length));
        break;
      case 5:
        bytes = join(bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 4 * length), at), bytes.subarray(at));
        break;
      case 6: {
        const other = draw.pick(bases).bytes;
        const from = below(other.length);
        bytes = join(bytes.subarray(0, at), other.subarray(from, from + 8 * length), bytes.subarray(at));
        break;
      }
      default:
        if (pickled) {
          const ops = Uint8Array.from({ length }, () => draw.pick(OPS));
          bytes = join(bytes.subarray(0, at), ops, bytes.subarray(at));
        } else bytes[at] = draw.pick(EDGES);
    }
  }
  return base.wrap ? base.wrap(bytes) : bytes;
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export interface FuzzResult {
  readonly read: number;
  readonly refused: number;
  /** Ways in which files were refused, with numbers and names left out. */
  readonly sentences: ReadonlyMap<string, number>;
  /** Milliseconds of processor time that the slowest file took. */
  readonly slowest: number;
}

/**
 * Reads `count` damaged files. Each has to be read, within the memory that its length justifies, or refused in one
 * sentence that names it.
 * @throws Error with seed and number of the first file for which that is not so
 */
export function fuzz(count: number, seed: number): FuzzResult {
  const draw = new Draw(seed);
  const sentences = new Map<string, number>();
  let read = 0;
  let slowest = 0;
  for (let i = 0; i < count; i++) {
    const bytes = mutate(draw);
    // Of the processor: the machine may have other things to do meanwhile.
    const begin = process.cpuUsage();
    const wrong = judge(bytes, sentences);
    slowest = Math.max(slowest, process.cpuUsage(begin).user / 1000);
    if (wrong === undefined) read++;
    else if (wrong !== '') throw new Error(`file ${i} of seed ${seed}: ${wrong}`);
  }
  return { read, refused: count - read, sentences, slowest };
}

/** Undefined if it was read, empty if it was refused as it should be, else what is wrong. */
function judge(bytes: Uint8Array, sentences: Map<string, number>): string | undefined {
  try {
    const { tensors } = readTensors(bytes, 'w.pth');
    let taken = 0;
    for (const { data, shape } of tensors.values()) {
      if (shape.reduce((n, d) => n * d, 1) !== data.length) return 'a shape does not fit its values';
      if (data.buffer !== bytes.buffer) taken += data.byteLength;
    }
    return taken > 9 * bytes.length + 2 ** 21 ? `${taken} bytes were taken for a file of ${bytes.length}` : undefined;
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== 'Error' || !/^w\.pth(:| (cannot|is|holds|has) )[^\n]{1,600}$/.test(message))
      return `${(error as Error).stack}`;
    const kind = message.replace(/"[^"]*"|[\d[\], ]*\d[\d[\], ]*|asks for \S+/g, '~').slice(0, 120);
    sentences.set(kind, (sentences.get(kind) ?? 0) + 1);
    return '';
  }
}
