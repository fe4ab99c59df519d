import { relative } from 'node:path';
import {
  checkIndex,
  type DataDescription,
  type Dataset,
  type ImageShape,
  type Normalize,
  type PortableDataset,
  registerKind,
  type Sample,
  UnreadableError,
} from '../data/dataset.js';
import type { Fit } from '../data/open.js';
import { loadImage } from './image.js';
import {
  type ColourTable,
  fillBorder,
  type MaskCodes,
  MaskValueError,
  orientMask,
  placeMask,
  readMask,
} from './maskFile.js';
import { checkMask, type MaskRule } from './maskRule.js';

/** A photo, its mask and how the mask lies on the photo. */
export interface MaskedPhoto {
  readonly image: string;
  readonly mask: string;
  /** Size of the photo as it is shown. */
  readonly height: number;
  readonly width: number;
  /** EXIF orientation that the mask has to be given: 1 if it lies on the photo as that is shown. */
  readonly orientation: number;
}

/** How photos and masks become samples. */
export interface MaskFormat {
  readonly channels: 1 | 3;
  readonly size: readonly [number, number];
  readonly fit: Fit;
  readonly table?: ColourTable;
}

/** A photo and its mask as the sample has them, the mask still in the codes of its file. */
export interface ReadPhoto {
  readonly image: Uint8Array;
  readonly read: MaskCodes;
  readonly placed: Uint8Array;
}

/** Reads a photo and lays its mask on it. Rejects with an UnreadableError where one of the files cannot be read. */
export async function readPhoto(photo: MaskedPhoto, format: MaskFormat): Promise<ReadPhoto> {
  const { channels, size, fit, table } = format;
  const [image, read] = await Promise.all([
    unreadable(loadImage(photo.image, { channels, size, fit })),
    unreadable(readMask(photo.mask, table)),
  ]);
  const upright = orientMask(read.codes, read.height, read.width, photo.orientation);
  return { image: image.data, read, placed: placeMask(upright, photo, size, fit, 0) };
}

/** Turns the codes of a placed mask into class numbers, in place. What lies around the photo is ignored if that is possible. */
export function applyRule(
  placed: Uint8Array,
  photo: MaskedPhoto,
  { size, fit }: MaskFormat,
  rule: MaskRule,
): Uint8Array {
  for (let k = 0; k < placed.length; k++) placed[k] = rule.numbers[placed[k]!]!;
  if (fit === 'contain' && rule.ignoreIndex !== undefined) fillBorder(placed, photo, size, fit, rule.ignoreIndex);
  return placed;
}

interface MaskFolderParts {
  readonly name: string;
  readonly root: string;
  readonly photos: readonly MaskedPhoto[];
  readonly format: MaskFormat;
  readonly rule: MaskRule;
  readonly normalize: Normalize;
  readonly skipUnreadable: boolean;
  readonly description: DataDescription;
}

/** Photos and masks in files, read when they are needed: for sets that do not fit into memory. */
export class MaskFolderDataset implements Dataset {
  readonly name: string;
  readonly length: number;
  readonly inputShape: ImageShape;
  readonly classes: readonly string[];
  readonly normalize: Normalize;
  readonly targetShape: readonly [number, number];
  readonly targetDtype = 'uint8';
  readonly ignoreIndex: number | undefined;
  readonly skipUnreadable: boolean;
  readonly resident = false;

  constructor(private readonly parts: MaskFolderParts) {
    const { name, photos, format, rule } = parts;
    this.name = name;
    this.length = photos.length;
    this.inputShape = [format.channels, ...format.size];
    this.targetShape = format.size;
    this.classes = rule.classes;
    this.ignoreIndex = rule.ignoreIndex;
    this.normalize = parts.normalize;
    this.skipUnreadable = parts.skipUnreadable;
  }

  /** Rejects with an UnreadableError where a file is damaged, with an Error where a mask holds what is no class. */
  async get(index: number): Promise<Sample> {
    checkIndex(this, index);
    const { photos, format, rule } = this.parts;
    const photo = photos[index]!;
    const { image, read, placed } = await readPhoto(photo, format);
    checkMask(rule, { file: photo.mask, present: read.present, largest: read.largest });
    return { image, target: applyRule(placed, photo, format, rule) };
  }

  /** Path of a photo, relative to the folder. */
  file(index: number): string {
    checkIndex(this, index);
    return relative(this.parts.root, this.parts.photos[index]!.image);
  }

  describe(): DataDescription {
    return this.parts.description;
  }

  portable(): PortableDataset {
    return { kind: 'maskFolder', folder: this.parts };
  }
}

registerKind('maskFolder', (portable) => new MaskFolderDataset(portable.folder as MaskFolderParts), import.meta.url);

async function unreadable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    // A colour that is no class is not damage: the user has to decide on it.
    if (error instanceof RangeError || error instanceof MaskValueError) throw error;
    throw new UnreadableError((error as Error).message, { cause: error });
  }
}
