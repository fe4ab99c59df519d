// Runs in a worker, so that the page stays alive while a network computes: the whole way from pixels to an answer.
import type { InferenceSession } from 'onnxruntime-web';
import type { PageConfig } from '../../../../src/export/page/config.js';
import {
  centred,
  fill,
  type Picture,
  prepare,
  rgbPlanes,
  SCALERS,
  toPicture,
} from '../../../../src/export/page/pixels.js';
import type { HostTensor } from '../../../../src/tensor/shape.js';
import { MaskCollector, scorePhoto } from '../../../../src/train/photoMask.js';
import { topClasses } from '../../../../src/train/ranked.js';
import type { Planes } from '../../../../src/train/tiling.js';
import type { Classified, ClassifyOptions, FromWorker, Scores, ToWorker } from './messages.js';

type Runtime = typeof import('onnxruntime-web');

let ort: Runtime;
let session: InferenceSession;
let config: PageConfig;

async function load(message: Extract<ToWorker, { type: 'load' }>): Promise<undefined> {
  ort = (await import(/* @vite-ignore */ message.runtime)) as Runtime;
  const { wasm } = ort.env;
  wasm.numThreads = 1;
  wasm.wasmBinary = message.wasm;
  ort.env.logLevel = 'error';
  config = message.config;
  session = await ort.InferenceSession.create(new Uint8Array(message.model), { executionProviders: ['wasm'] });
  return undefined;
}

/** Output for uint8 images [N, C, H, W]. */
async function predict({ data, shape }: HostTensor): Promise<HostTensor> {
  const image = new ort.Tensor('uint8', data as Uint8Array, shape);
  const results = await session.run({ [session.inputNames[0]!]: image });
  const output = results[session.outputNames[0]!]!;
  return { data: (output.data as Float32Array).slice(), shape: [...output.dims], dtype: 'float32' };
}

function planesOf(picture: Picture, { invert, drawing }: ClassifyOptions): Planes {
  const [channels, height, width] = config.inputShape;
  if (!drawing || !config.centred) return prepare(picture, SCALERS[config.fit](height, width), channels, invert);
  const area = picture.width * picture.height;
  return centred({ data: rgbPlanes(picture).data.slice(0, area), shape: [1, picture.height, picture.width] }, width);
}

async function classify(picture: Picture, options: ClassifyOptions): Promise<Classified> {
  const began = performance.now();
  const planes = planesOf(picture, options);
  const { data } = await predict({ data: planes.data, shape: [1, ...config.inputShape], dtype: 'uint8' });
  const scores = data as Float32Array;
  const ranked = topClasses(scores, scores.length, scores.length)[0]!;
  return { ranked, seen: toPicture(planes), milliseconds: performance.now() - began };
}

async function segment(photo: Picture): Promise<Scores> {
  const began = performance.now();
  const { height, width } = photo;
  const { inputShape, fit, geometry } = config;
  if (!geometry) throw new Error('this network names classes and makes no masks');
  const load = async (size: readonly [number, number] | undefined) =>
    prepare(photo, size ? fill(...size) : (image) => image, inputShape[0]);
  const one = geometry.outputs === 1;
  const logits = one ? new Float32Array(height * width) : undefined;
  const mask = one ? undefined : new MaskCollector(height, width, geometry.outputs, 0.5);
  const seen = await scorePhoto({ height, width, load }, { predict, geometry, inputShape, fit }, (y, count, rows) => {
    logits?.set(rows.subarray(0, count * width), y * width);
    mask?.take(y, count, rows);
  });
  const found = mask && {
    classes: mask.classes as Uint8Array<ArrayBuffer>,
    alpha: mask.alpha as Uint8Array<ArrayBuffer>,
    foreground: mask.foreground,
  };
  return { height, width, ...(logits ? { logits } : {}), ...found, seen, milliseconds: performance.now() - began };
}

/** Memory that goes over to the page with an answer. */
function transferred(result: Classified | Scores | undefined): Transferable[] {
  if (!result) return [];
  if ('ranked' in result) return [result.seen.rgba.buffer as ArrayBuffer];
  return [result.logits, result.classes, result.alpha].flatMap((part) => (part ? [part.buffer] : []));
}

const answer = (message: FromWorker, transfer: Transferable[] = []): void =>
  (self as unknown as { postMessage(m: FromWorker, t: Transferable[]): void }).postMessage(message, transfer);

/** One after the other: the network's session takes no second call before the first has ended. */
let turn: Promise<unknown> = Promise.resolve();

self.onmessage = ({ data: message }: MessageEvent<ToWorker>) => {
  const { id } = message;
  const work = async () => {
    try {
      const result =
        message.type === 'load'
          ? await load(message)
          : message.type === 'classify'
            ? await classify(message.picture, message.options)
            : await segment(message.photo);
      answer({ id, result }, transferred(result));
    } catch (error) {
      answer({ id, error: error instanceof Error ? error.message : String(error) });
    }
  };
  turn = turn.then(work);
};
