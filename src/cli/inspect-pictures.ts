import { join } from 'node:path';
import { featureGrid, filterGrid, gradCam, heatOverlay, probe } from '../inspect/index.js';
import { saveImage } from '../node/image.js';
import { seenImage } from '../node/seenImage.js';
import { formatPercent } from '../report/format.js';
import type { HostTensor } from '../tensor/shape.js';
import { topClasses } from '../train/ranked.js';
import { suggest, unknownName } from '../util/suggest.js';
import { fitOf } from './data-source.js';
import { CommandError } from './errors.js';
import type { Target } from './inspect.js';
import type { Context } from './run.js';
import { facts } from './terminal.js';

type Trained = Target & { readonly run: NonNullable<Target['run']> };

/** Pictures from inside a trained network: filters, feature maps, or where the evidence for a class lies. */
export async function drawInside(context: Context, target: Trained): Promise<void> {
  if (context.values.filters) return drawFilters(context, target);
  return context.values.gradCam ? drawEvidence(context, target) : drawMaps(context, target);
}

async function drawFilters({ values, terminal }: Context, { net, run }: Trained): Promise<void> {
  const found = [...net.parameters()].find(([, p]) => p.rank === 4);
  if (!found) throw new CommandError(`the network of ${run.path} has no convolution, so there are no filters to draw`);
  const [path, weight] = found;
  const file = (values.out as string | undefined) ?? join(run.path, 'filters.png');
  await saveImage(file, filterGrid(weight.value!));
  const shape = weight.shape;
  terminal.answer(
    { run: run.path, picture: file, parameter: path, shape },
    facts([
      ['filters', `${path}, ${shape[0]} of ${shape.slice(1).join('x')}`],
      ['picture', file],
    ]),
  );
}

async function drawMaps(context: Context, target: Trained): Promise<void> {
  const { net, run } = target;
  const { values, terminal, device } = context;
  const layers = values.layer as string[];
  const { normalised } = await readImage(values, target);
  const backend = await device();
  const result = await probe(net, normalised, layers, { backend });
  const pictures: { layer: string; shape: number[]; picture: string }[] = [];
  for (const layer of layers) {
    const { value } = result.layers[layer]!;
    const file = outFile(values.out as string | undefined, run.path, layer, layers.length);
    await saveImage(file, featureGrid(value));
    pictures.push({ layer, shape: value.shape.slice(1), picture: file });
  }
  terminal.answer(
    { run: run.path, image: values.image, layers: pictures, device: backend.device },
    facts(pictures.map((p) => [p.layer, `${p.shape.join('x')}, ${p.picture}`] as const)),
  );
}

async function drawEvidence(context: Context, target: Trained): Promise<void> {
  const { net, run } = target;
  const { values, terminal, device } = context;
  const layers = values.layer as string[] | undefined;
  if (layers && layers.length > 1) throw new CommandError(`--grad-cam looks at one layer, got ${layers.join(', ')}`);
  const { classes } = run.config;
  const asked = values.class as string | undefined;
  const { image, normalised } = await readImage(values, target);
  const backend = await device();
  const cam = await gradCam(net, normalised, {
    layer: layers?.[0],
    class: asked === undefined ? undefined : classNumber(asked, classes),
    backend,
  });
  const index = cam.classes[0]!;
  const name = classes[index] ?? String(index);
  const share = cam.shares?.[0];
  if (share === 0)
    throw new CommandError(
      `no pixel of ${values.image} is found to be ${name}, so there is no evidence to show; ask for another --class`,
    );
  const file = (values.out as string | undefined) ?? join(run.path, 'grad-cam.png');
  await saveImage(file, heatOverlay(image, cam.map));
  const found = share === undefined ? { probability: probabilityOf(cam.output, index) } : { share };
  terminal.answer(
    {
      run: run.path,
      image: values.image,
      layer: cam.layer,
      class: name,
      ...found,
      picture: file,
      device: backend.device,
    },
    facts([
      [
        'class',
        share === undefined
          ? `${name}, ${formatPercent(found.probability!)}`
          : `${name}, ${formatPercent(share, 1)} of the picture`,
      ],
      ['layer', `${cam.layer}, ${cam.map.shape.slice(1).join('x')}`],
      ['picture', file],
    ]),
  );
}

/** The image as bytes, and as the network takes it: [1, C, H, W], normalised. */
function readImage(values: Context['values'], { net, run }: Trained) {
  return seenImage(values.image as string, {
    net,
    config: run.config,
    fit: fitOf(run.config),
    invert: values.invert === true,
    of: run.path,
  });
}

/** With several layers `--out` names a pattern: the layer's name goes before the ending. */
function outFile(out: string | undefined, run: string, layer: string, count: number): string {
  const name = layer || 'output';
  if (out === undefined) return join(run, `layer-${name}.png`);
  return count === 1 ? out : `${out.replace(/\.png$/i, '')}-${name}.png`;
}

export function classNumber(asked: string, classes: readonly string[]): number {
  const byName = classes.indexOf(asked);
  if (byName >= 0) return byName;
  const number = Number(asked);
  if (Number.isInteger(number) && number >= 0 && number < classes.length) return number;
  if (classes.length <= 24) throw new CommandError(unknownName('class', asked, classes));
  const near = suggest(asked, classes);
  throw new CommandError(
    `unknown class "${asked}"${near ? `, did you mean "${near}"?` : ''} (there are ${classes.length}, a number from 0 does too)`,
  );
}

export const probabilityOf = ({ data }: HostTensor, index: number): number =>
  topClasses(data as Float32Array, data.length, data.length)[0]!.find((r) => r.index === index)!.probability;
