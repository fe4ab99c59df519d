import { CHECKED_BATCHES, checkExport, TOLERANCE } from '../export/check.js';
import { type ExportOnnxOptions, exportOnnx } from '../export/onnx.js';
import { halfStates, type OnnxFile, OPSET } from '../io/onnx/index.js';
import { loadRuntime, openOnnx } from '../node/onnxruntime.js';
import { writeFileAtomic } from '../node/storage.js';
import { formatBytes } from '../report/format.js';
import type { Exporter, ExportSource } from './export.js';
import type { Context } from './run.js';
import { facts } from './terminal.js';
import { version } from './version.js';

/** An ONNX file that onnxruntime computes as the network does. */
export interface CheckedOnnx extends OnnxFile {
  /** Largest difference from the network's outputs, as a part of the largest of them. */
  readonly difference: number;
  /** In half precision: what rounding the weights changed, as a part of the largest output. */
  readonly rounding?: number;
}

/**
 * Makes the ONNX file of a network and runs it in onnxruntime beside the network itself.
 * @throws Error, one sentence, if onnxruntime is not there, or refuses the file, or gives something else
 */
export async function checkedOnnx(
  { terminal, interrupt, device }: Pick<Context, 'terminal' | 'interrupt' | 'device'>,
  source: ExportSource,
  options: ExportOnnxOptions,
): Promise<CheckedOnnx> {
  // What is missing is said before work begins.
  await loadRuntime();
  const file = exportOnnx(source, { ...options, version: version() });
  const backend = await device();
  terminal.note('checking in onnxruntime');
  const session = await openOnnx(file.bytes);
  try {
    const rounding = options.half
      ? await checkExport(source, file, session.run, backend, Number.POSITIVE_INFINITY)
      : undefined;
    if (options.half) {
      // From here on the network is what the file holds.
      const rounded = halfStates(new Map(Object.entries(source.net.stateDict())));
      for (const [path, parameter] of source.net.states()) parameter.value = rounded.get(path);
    }
    const difference = await checkExport(source, file, session.run, backend);
    interrupt.signal.throwIfAborted();
    return { ...file, difference, ...(rounding === undefined ? {} : { rounding }) };
  } finally {
    await session.release();
  }
}

/** `fovea export --to onnx`: checked, then written whole. */
export const exportOnnxFile: Exporter = async (context, source, out) => {
  const { values, terminal } = context;
  const options = {
    preprocess: values.preprocess === true,
    layout: (values.layout as 'nchw' | 'nhwc' | undefined) ?? 'nchw',
    half: values.half === true,
  };
  const file = await checkedOnnx(context, source, options);
  await writeFileAtomic(out, file.bytes);
  const { input, outputs, nodes, difference, rounding } = file;
  const shape = (v: typeof input) => `${v.name} ${v.type} [${v.shape.join(', ')}]`;
  terminal.answer(
    {
      source: source.from,
      weights: source.weights,
      format: 'onnx',
      out,
      bytes: file.bytes.length,
      opset: OPSET,
      nodes,
      input,
      outputs,
      half: options.half,
      check: {
        runtime: 'onnxruntime-web',
        batches: CHECKED_BATCHES,
        difference,
        tolerance: TOLERANCE,
        ...(rounding === undefined ? {} : { rounding }),
      },
    },
    facts([
      ['written', `${out}, ${formatBytes(file.bytes.length)}, opset ${OPSET}`],
      ['input', shape(input)],
      ...outputs.map((o) => ['output', shape(o)] as const),
      ['weights', source.weights],
      ...checkFacts(file),
    ]),
  );
};

/** What the check has shown, for people. */
export const checkFacts = ({ difference, rounding }: CheckedOnnx): (readonly [string, string])[] => [
  [
    'checked',
    `onnxruntime gives the network's outputs for 1 and 3 images; largest difference ${difference.toExponential(1)}`,
  ],
  ...(rounding === undefined
    ? []
    : [['rounding', `half precision changes outputs by up to ${rounding.toExponential(1)} of the largest`] as const]),
];
