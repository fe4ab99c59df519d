import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openOnnx } from '../../src/node/onnxruntime.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { build, fovea, scratch } from './process.js';

const dir = scratch('export');
const at = (name: string) => join(dir, name);
const words = (text: string) => text.split(' ');
const ask = (command: string) => fovea(words(command), dir);

beforeAll(() => build(), 120_000);

describe('fovea export --to onnx', () => {
  it('writes what onnxruntime computes as the network does, and says so in one object', async () => {
    const { code, stdout, stderr } = await ask(
      'export lenet5 --out net.onnx --preprocess --layout nhwc --half --device reference --json',
    );
    expect(code).toBe(0);
    expect(stderr).toContain('lenet5 is not trained');
    const answer = JSON.parse(stdout) as { bytes: number; check: { difference: number; rounding: number } };
    expect(answer).toMatchObject({
      format: 'onnx',
      out: 'net.onnx',
      opset: 17,
      half: true,
      input: { name: 'image', type: 'uint8', shape: ['batch', 28, 28, 1] },
      outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 10] }],
    });
    expect(answer.check.difference).toBeLessThan(1e-4);
    expect(answer.check.rounding).toBeGreaterThan(answer.check.difference);
    const bytes = readFileSync(at('net.onnx'));
    expect(bytes.length).toBe(answer.bytes);
    // The weights alone take 2 bytes each.
    expect(bytes.length).toBeLessThan(61_706 * 2.1 + 4000);
    for (const text of ['classifier.5.weight', '"mean":[0]', 'classification'])
      expect(bytes.includes(text), text).toBe(true);
    const session = await openOnnx(bytes);
    const { logits } = await session.run(hostTensor(new Uint8Array(2 * 784), [2, 28, 28, 1]));
    expect(logits!.shape).toEqual([2, 10]);
    await session.release();
    expect(readdirSync(dir).filter((f) => f !== 'net.onnx')).toEqual([]);
  });

  it.each([
    ['export lenet', 2, /say where the file is to be written: --out FILE \(.*\.onnx/],
    ['export lenet --out net.txt', 2, /say what net.txt is to be: --to onnx/],
    ['export lenet --to onnx --out net.html', 2, /net.html: a file of --to onnx ends in .onnx/],
    ['export lenet --out net.onnx --layout nhwc', 2, /--layout nhwc is for bytes: add --preprocess/],
    ['export runs/none --out net.ONNX --layout nhwc', 2, /--layout nhwc is for bytes: add --preprocess/],
    ['export lenet --out net.onnx --title Digits', 2, /--title has no meaning for --to onnx/],
    ['export lenot --out a.onnx', 1, /unknown network "lenot", did you mean "lenet"/],
    ['export runs/none --out a.onnx', 1, /runs\/none is no run directory/],
    ['inspect runs/none', 1, /runs\/none is no run directory/],
    ['export vgg11 --out a.html', 1, /weights of vgg11 take 531 MB, a page holds up to 200: export it with --to onnx/],
    ['export unet --input 5x32x32 --out a.html', 1, /takes 5 channels; pictures have 1 or 3/],
  ])('%s: one sentence and no file', async (command, code, sentence) => {
    const before = readdirSync(dir);
    const result = await ask(`${command} --device reference`);
    expect(result.code).toBe(code);
    expect(result.stderr.split('\n').find((line) => line.startsWith('error:'))).toMatch(sentence);
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(readdirSync(dir)).toEqual(before);
  });

  it('a network whose operations ONNX lacks: one sentence that names the layer, and no file', async () => {
    writeFileSync(
      at('own.mjs'),
      `import { apply, nn } from 'fovea';
class Spread extends nn.Module {
  forward(x) { return apply('pad', [x], { low: [0, 0, 0, 0], high: [0, 0, 0, 0], interior: [0, 0, 1, 1], value: 0 }); }
}
export default class extends nn.Module {
  spread = new Spread();
  forward(x) { return this.spread.forward(x); }
}`,
    );
    const { code, stderr } = await ask('export ./own.mjs --input 1x8x8 --out own.onnx --device reference');
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: spread: pad puts zeros between values, which ONNX has no operation for/);
    expect(existsSync(at('own.onnx'))).toBe(false);
  });

  it('without onnxruntime nothing is written, and it says what to install', async () => {
    // As where the package is not installed: a loader that does not find it.
    mkdirSync(at('hook'));
    const resolve = `export const resolve = (name, context, next) => {
  if (name === 'onnxruntime-web') throw new Error('Cannot find package onnxruntime-web');
  return next(name, context);
};`;
    writeFileSync(at('hook/hook.mjs'), resolve);
    writeFileSync(
      at('hook/register.mjs'),
      `import { register } from 'node:module'; register('./hook.mjs', import.meta.url);`,
    );
    const { code, stderr } = await fovea(words('export lenet --out without.onnx --device reference'), dir, {
      NODE_OPTIONS: `--import ${at('hook/register.mjs')}`,
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: the package onnxruntime-web, .* install it with npm install onnxruntime-web/);
    expect(existsSync(at('without.onnx'))).toBe(false);
  });
});
