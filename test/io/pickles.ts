import { readFileSync } from 'node:fs';
import { writeZip } from '../../src/io/pth/writeZip.js';

/** A file of test/fixtures/weights. */
export const weightFile = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/weights/${name}`, import.meta.url)));

/** Text of one byte a character. */
export const latin = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Pieces of a pickle put together: text as its bytes, numbers as one byte each. */
export const pickle = (...parts: (string | number | Uint8Array)[]): Uint8Array => {
  const all = parts.flatMap((p) => (typeof p === 'number' ? [p] : typeof p === 'string' ? [...latin(p)] : [...p]));
  return Uint8Array.from([0x80, 2, ...all, 0x2e]);
};

export const u32 = (n: number) => Uint8Array.of(n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >>> 24) & 255);
/** BINUNICODE */
export const str = (text: string) => Uint8Array.from([0x58, ...u32(text.length), ...latin(text)]);
/** BININT */
export const int = (n: number) => Uint8Array.from([0x4a, ...u32(n)]);

/** A file with this pickle and one storage "0". */
export const zipOf = (data: Uint8Array, storage = new Uint8Array(16)): Uint8Array =>
  writeZip('archive', [
    ['data.pkl', data],
    ['data/0', storage],
    ['version', latin('3\n')],
  ]);

/** The pickle of a tensor over storage "0" that claims `length` values. */
export const tensor = (length: number, offset: number, size: readonly number[], stride: readonly number[]) => {
  const parts = ['ctorch._utils\n_rebuild_tensor_v2\n', '((', str('storage'), 'ctorch\nFloatStorage\n', str('0')];
  const tuple = (values: readonly number[]) => ['(', ...values.map(int), 't'];
  return pickleBody(
    ...parts,
    str('cpu'),
    int(length),
    'tQ',
    int(offset),
    ...tuple(size),
    ...tuple(stride),
    0x89,
    '}tR',
  );
};
const pickleBody = (...parts: (string | number | Uint8Array)[]) => pickle(...parts).slice(2, -1);

/** A state dict of one tensor "w". */
export const dictOf = (...value: (string | number | Uint8Array)[]) => pickle('}', str('w'), ...value, 's');
