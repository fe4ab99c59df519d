import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { forPage, hindersPage, pageConfig, takesPhotos } from '../export/forPage.js';
import { type Packed, pageHtml } from '../export/page/template.js';
import { classicScript, linkModules } from '../node/linkModules.js';
import { type BrowserRuntime, readBrowserRuntime } from '../node/onnxruntime.js';
import { writeFileAtomic } from '../node/storage.js';
import { formatBytes } from '../report/format.js';
import { CommandError } from './errors.js';
import type { Exporter, ExportSource } from './export.js';
import { checkedOnnx, checkFacts } from './export-onnx.js';
import { facts } from './terminal.js';
import { version } from './version.js';

/** The folder of compiled modules that this one lies in. */
const ROOT = new URL('../', import.meta.url);

/** `fovea export --to html`: one page with network, runtime and preprocessing. */
export const exportPage: Exporter = async (context, source, out) => {
  const { values, terminal, interrupt } = context;
  const half = values.half === true;
  const runtime = await readBrowserRuntime();
  const { network, geometry } = forPage(source);
  const file = await checkedOnnx(context, network, { preprocess: true, half });
  if (!takesPhotos(network, geometry, file))
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
export function checkForPage(from: string, network: Pick<ExportSource, 'net' | 'inputShape'>, half: boolean): void {
  const why = hindersPage(from, network, half, (fits) => (fits ? 'add --half' : 'export it with --to onnx'));
  if (why) throw new CommandError(why);
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
