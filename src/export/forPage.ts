import type { Fit } from '../data/open.js';
import { bytesOfStates, type OnnxFile } from '../io/onnx/index.js';
import { formatCount } from '../report/format.js';
import { TILE } from '../train/photoMask.js';
import { type TileGeometry, tileGeometry } from '../train/tiles.js';
import type { ExportedNetwork } from './onnx.js';
import type { PageConfig } from './page/config.js';

/** A network that is to run in a page, and how its images were made. */
export interface PageSource extends ExportedNetwork {
  /** What the user named: a run directory or a file. */
  readonly from: string;
  /** How images became the size of the training images. */
  readonly fit: Fit;
  /** Name of the data set that it was trained on, if that is known. */
  readonly data?: string;
}

/** Beyond this a page takes too long to open. */
const MAX_WEIGHTS = 200e6;

/**
 * Says what stands against a network in a page, before its weights are there.
 * @param otherwise what to do instead of a page
 * @returns undefined if nothing does, else one sentence
 */
export function hindersPage(
  from: string,
  { net, inputShape: [channels] }: Pick<PageSource, 'net' | 'inputShape'>,
  half: boolean,
  otherwise: (fitsInHalf: boolean) => string,
): string | undefined {
  if (channels !== 1 && channels !== 3)
    return `the network of ${from} takes ${channels} channels; pictures have 1 or 3`;
  const bytes = bytesOfStates(net.states(), half);
  if (bytes <= MAX_WEIGHTS) return undefined;
  const fitsInHalf = !half && bytesOfStates(net.states(), true) <= MAX_WEIGHTS;
  return `the weights of ${from} take ${Math.round(bytes / 1e6)} MB, a page holds up to ${MAX_WEIGHTS / 1e6}: ${otherwise(fitsInHalf)}`;
}

/** The network for the size at which tiles of photos come: sides that its stride divides. */
export function forPage<S extends PageSource>(source: S): { network: S; geometry: TileGeometry | undefined } {
  const geometry = tileGeometry(source.net, source.inputShape);
  const [channels, height, width] = source.inputShape;
  if (!geometry || geometry.border[0] > 0) return { network: source, geometry };
  const up = (side: number) => Math.ceil(side / geometry.multiple) * geometry.multiple;
  return { network: { ...source, inputShape: [channels, up(height), up(width)] as const }, geometry };
}

/** Whether photos of all sizes can go through the file that {@link forPage}'s network became. */
export function takesPhotos(source: PageSource, geometry: TileGeometry | undefined, file: OnnxFile): boolean {
  if (!geometry || file.anySize) return true;
  const tiled = geometry.border[0] === 0 && Math.max(...source.inputShape.slice(1)) > TILE;
  return source.fit === 'fill' && !tiled;
}

/** What a page has to know of a network. @param title default: the last part of what the user named */
export function pageConfig(source: PageSource, geometry: TileGeometry | undefined, title?: string): PageConfig {
  const { net, name, classes, inputShape, normalize, task, fit, data, from } = source;
  const called = from.replace(/^.*[\\/]/, '').replace(/\.(safetensors|pth?|[cm]?[jt]s)$/i, '');
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
