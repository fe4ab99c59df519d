import type { Analysis, LayerInfo } from './analyse.js';

/** Three digits and a unit: 15470264320 -> "15.5 G"; exact below a thousand. */
export function shortCount(n: number): string {
  for (const [size, unit] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const)
    if (n >= size * 0.9995) return `${(n / size).toPrecision(n >= 999.5 * size ? 4 : 3)} ${unit}`;
  return String(Math.round(n));
}

/** Bytes in binary units: 553430176 -> "527.8 MiB". */
export function shortBytes(n: number): string {
  for (const [size, unit] of [
    [2 ** 40, 'TiB'],
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
  ] as const)
    if (n >= size) return `${(n / size).toFixed(1)} ${unit}`;
  return `${n} B`;
}

/** Sizes side by side: `64 x 224 x 224` is written 64x224x224. */
export const shortShape = (shape: readonly number[]): string => shape.join('x') || '-';

const side = ([h, w]: readonly [number, number]) => {
  const text = (n: number) => String(Math.round(n * 100) / 100);
  return h === w ? text(h) : `${text(h)}x${text(w)}`;
};

/** What is shown of each layer, from left to right; all but the first two are numbers. */
export const HEADINGS = ['layer', 'kind', 'output', 'parameters', 'multiply-adds', 'memory', 'sees', 'share'] as const;

/** Cells of one layer under the headings. */
export function layerCells(layer: LayerInfo): string[] {
  const { path, kind, detail, outputShape, parameters, activationBytes, wholeImage } = layer;
  return [
    path || '(network)',
    detail ? `${kind} ${detail}` : kind,
    shortShape(outputShape),
    parameters === 0 ? '' : parameters.toLocaleString('en-US'),
    layer.multiplyAdds === 0 ? '' : shortCount(layer.multiplyAdds),
    activationBytes === 0 ? '' : shortBytes(activationBytes),
    outputShape.length === 0 ? '' : wholeImage ? 'all' : side(layer.receptiveField),
    layer.trainingOnly ? 'training' : layer.multiplyAdds === 0 ? '' : `${(100 * layer.share).toFixed(1)} %`,
  ];
}

/**
 * Layers put together below a depth of their paths: with 1, everything below `features` is one line. What is put
 * together has the kind of the part of the network that holds it, and the shape of what comes out of it.
 */
export function foldLayers(
  layers: readonly LayerInfo[],
  depth: number,
  kindOf: (path: string) => string | undefined,
): LayerInfo[] {
  const rows: LayerInfo[] = [];
  for (const layer of layers) {
    const parts = layer.path.split('.');
    const path = parts.slice(0, depth).join('.');
    const last = rows.at(-1);
    if (parts.length <= depth && last?.path !== path) rows.push(layer);
    else if (last && last.path === path && last.trainingOnly === layer.trainingOnly)
      rows[rows.length - 1] = {
        ...layer,
        path,
        kind: kindOf(path) ?? layer.kind,
        detail: '',
        parameters: last.parameters + layer.parameters,
        multiplyAdds: last.multiplyAdds + layer.multiplyAdds,
        share: last.share + layer.share,
        activationBytes: last.activationBytes + layer.activationBytes,
      };
    else rows.push({ ...layer, path, kind: kindOf(path) ?? layer.kind, detail: '' });
  }
  return rows;
}

/** The totals in words, one fact a line. */
export function totals(analysis: Analysis): [name: string, value: string][] {
  const { parameters, inferenceParameters, training: t } = analysis;
  const unused = parameters - inferenceParameters;
  const count = parameters.toLocaleString('en-US');
  return [
    [
      'parameters',
      unused === 0
        ? count
        : `${count} (${inferenceParameters.toLocaleString('en-US')} of them in use, the rest in training only)`,
    ],
    ['multiply-adds', `${shortCount(analysis.multiplyAdds)} for one image`],
    ['activations', `${shortBytes(analysis.activationBytes)} for one image, all layers together`],
    [
      `training, batch ${t.batch}`,
      `about ${shortBytes(t.totalBytes)}: parameters ${shortBytes(t.parameterBytes)}, gradients ${shortBytes(t.gradientBytes)}, optimizer ${shortBytes(t.optimizerBytes)}, activations ${shortBytes(t.activationBytes)}`,
    ],
  ];
}

/** 0.00042 -> "0.42 ms". */
export function formatSeconds(seconds: number): string {
  if (seconds >= 60) return `${(seconds / 60).toFixed(1)} min`;
  if (seconds >= 1) return `${seconds.toPrecision(3)} s`;
  return seconds >= 1e-3 ? `${(seconds * 1e3).toPrecision(3)} ms` : `${(seconds * 1e6).toPrecision(3)} us`;
}
