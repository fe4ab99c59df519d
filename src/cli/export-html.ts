import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { PageConfig } from '../export/page/config.js';
import { type Packed, pageHtml } from '../export/page/template.js';
import { bytesOfStates } from '../io/onnx/index.js';
import { classicScript, linkModules } from '../node/linkModules.js';
import { type BrowserRuntime, readBrowserRuntime } from '../node/onnxruntime.js';
import { writeFileAtomic } from '../node/storage.js';
import { formatBytes, formatCount } from '../report/format.js';
import { TILE } from '../train/photoMask.js';
import { tileGeometry } from '../train/tiles.js';
import { CommandError } from './errors.js';
import type { Exporter, ExportSource } from './export.js';
import { checkedOnnx, checkFacts } from './export-onnx.js';
import { facts } from './terminal.js';
import { version } from './version.js';

/** Beyond this a page takes too long to open. */
const MAX_WEIGHTS = 200e6;

/** The folder of compiled modules that this one lies in. */
const ROOT = new URL('../', import.meta.url);

/** `fovea export --to html`: one page with network, runtime and preprocessing. */
export const exportPage: Exporter = async (context, source, out) => {
  const { values, terminal, interrupt } = context;
  const half = values.half === true;
  const runtime = await readBrowserRuntime();
  const { network, geometry } = forPage(source);
  const file = await checkedOnnx(context, network, { preprocess: true, half });
  const tiled = geometry?.border[0] === 0 && Math.max(...network.inputShape.slice(1)) > TILE;
  if (geometry && !file.anySize && (source.fit !== 'fill' || tiled))
    throw new CommandError(
      `${source.from} computes differently for every size of image, and photos come in all sizes: a page cannot hold it; export it with --to onnx`,
    );
  const config = pageConfig(source, geometry, values.title as string | undefined);
  const [modules, worker] = await Promise.all([
    linkModules(new URL('export/page/main.js', ROOT), ROOT),
    readFile(new URL('export/page/worker.js', ROOT), 'utf8'),
  ]);
  const pieces = pageHtml({
    config,
    ...modules,
    runtime: plain(Buffer.from(classicScript(runtime.script, 'ort'))),
    wasm: await packed(runtime.wasm),
    // It has no exports, which a classic script does not know.
    worker: plain(Buffer.from(worker.replace(/^export \{\};\s*$/m, ''))),
    model: [...inParts(file.bytes)],
    notice: notice(runtime),
  });
  const bytes = Buffer.concat([...pieces].map((piece) => Buffer.from(piece)));
  interrupt.signal.throwIfAborted();
  await writeFileAtomic(out, bytes);
  const { difference, rounding } = file;
  terminal.answer(
    {
      source: source.from,
      weights: source.weights,
      format: 'html',
      out,
      bytes: bytes.length,
      task: source.task,
      half,
      check: { runtime: 'onnxruntime-web', difference, ...(rounding === undefined ? {} : { rounding }) },
    },
    facts([
      ['written', `${out}, ${formatBytes(bytes.length)}: open it in a browser`],
      ['does', source.task === 'segmentation' ? 'cuts out of photos' : 'names what is in pictures'],
      ['weights', source.weights],
      ...checkFacts(file),
    ]),
  );
};

/** Throws one sentence for a network that no page can hold, before its weights are there. */
export function checkForPage(
  from: string,
  { net, inputShape: [channels] }: Pick<ExportSource, 'net' | 'inputShape'>,
  half: boolean,
): void {
  if (channels !== 1 && channels !== 3)
    throw new CommandError(`the network of ${from} takes ${channels} channels; pictures have 1 or 3`);
  const bytes = bytesOfStates(net.states(), half);
  if (bytes <= MAX_WEIGHTS) return;
  const fits = !half && bytesOfStates(net.states(), true) <= MAX_WEIGHTS;
  throw new CommandError(
    `the weights of ${from} take ${Math.round(bytes / 1e6)} MB, a page holds up to ${MAX_WEIGHTS / 1e6}: ${fits ? 'add --half' : 'export it with --to onnx'}`,
  );
}

/** The network for the size at which tiles of photos come: sides that its stride divides. */
function forPage(source: ExportSource) {
  const geometry = tileGeometry(source.net, source.inputShape);
  const [channels, height, width] = source.inputShape;
  if (!geometry || geometry.border[0] > 0) return { network: source, geometry };
  const up = (side: number) => Math.ceil(side / geometry.multiple) * geometry.multiple;
  return { network: { ...source, inputShape: [channels, up(height), up(width)] as const }, geometry };
}

function pageConfig(source: ExportSource, geometry: PageConfig['geometry'], title: string | undefined): PageConfig {
  const { net, name, classes, inputShape, normalize, task, fit, data, from } = source;
  const called = basename(from).replace(/\.(safetensors|pth?|[cm]?[jt]s)$/i, '');
  return {
    title: title ?? called,
    about: `${name}, ${formatCount(net.parameterCount())} parameters, ${
      task === 'segmentation' ? 'cuts things out of photos' : `tells ${classes.length} classes apart`
    }`,
    task,
    classes,
    inputShape,
    fit,
    ...(geometry ? { geometry } : {}),
    dark: normalize.mean.every((m) => m < 0.3),
    centred: data === 'mnist',
  };
}

const plain = (bytes: Uint8Array): Packed => ({ base64: Buffer.from(bytes).toString('base64') });

const packed = async (bytes: Uint8Array): Promise<Packed> => ({
  base64: Buffer.from(await promisify(gzip)(bytes, { level: 9 })).toString('base64'),
  gzip: true,
});

/** Base64 of a long file in parts that any browser takes as a string. */
function* inParts(bytes: Uint8Array, size = 12 * 2 ** 20): Generator<string> {
  for (let at = 0; at < bytes.length; at += size)
    yield Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(size, bytes.length - at)).toString('base64');
}

const notice = ({ version: web }: BrowserRuntime): string => `Written by Fovea ${version()} (Apache License 2.0).
Holds ONNX Runtime Web ${web}, Copyright (c) Microsoft Corporation, under the MIT License:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice
shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY
OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR
PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR
THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
