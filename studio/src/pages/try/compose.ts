import { drawn, type View } from '../../../../src/export/page/drawn.js';
import { rgbPlanes, toPicture } from '../../../../src/export/page/pixels.js';
import { overlay, photoReach } from '../../../../src/report/overlay.js';
import type { Planes } from '../../../../src/train/tiling.js';
import type { Picture } from '../../lib/predict/index.js';

/** What is drawn of a mask, for each pixel of the photo. */
export interface MaskMaps {
  readonly classes: Uint8Array;
  /** How much a pixel is foreground, 0 to 255. */
  readonly alpha: Uint8Array;
}

/** A photo as it is shown: at most about as many pixels as a screen has for it, so that sliders are followed at once. */
export interface Shown {
  readonly picture: Picture;
  readonly planes: Planes;
}

const MOST = 1.2e6;
/** Small pictures are drawn larger, so that borders of masks are lines and not steps. */
const LEAST = 560;

export function shownOf(photo: Picture): Shown {
  const { width, height, rgba } = photo;
  const larger = Math.max(1, Math.ceil(LEAST / Math.max(width, height)));
  const factor = larger > 1 ? larger : Math.min(1, Math.sqrt(MOST / (width * height)));
  if (factor === 1) return { picture: photo, planes: rgbPlanes(photo) };
  const [w, h] = [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
  const own = new OffscreenCanvas(width, height);
  own.getContext('2d')!.putImageData(new ImageData(rgba as Uint8ClampedArray<ArrayBuffer>, width, height), 0, 0);
  const scaled = new OffscreenCanvas(w, h).getContext('2d')!;
  scaled.imageSmoothingQuality = 'high';
  scaled.drawImage(own, 0, 0, w, h);
  const picture = { width: w, height: h, rgba: scaled.getImageData(0, 0, w, h).data };
  return { picture, planes: rgbPlanes(picture) };
}

type Size = Pick<Picture, 'height' | 'width'>;

/** The maps at another size: of each place the nearest value. */
export function nearest({ classes, alpha }: MaskMaps, from: Size, to: Size): MaskMaps {
  if (from.width === to.width && from.height === to.height) return { classes, alpha };
  const out = { classes: new Uint8Array(to.width * to.height), alpha: new Uint8Array(to.width * to.height) };
  const columns = Int32Array.from({ length: to.width }, (_, x) => Math.floor(((x + 0.5) * from.width) / to.width));
  for (let y = 0, at = 0; y < to.height; y++) {
    const line = Math.floor(((y + 0.5) * from.height) / to.height) * from.width;
    for (let x = 0; x < to.width; x++, at++) {
      out.classes[at] = classes[line + columns[x]!]!;
      out.alpha[at] = alpha[line + columns[x]!]!;
    }
  }
  return out;
}

/** The maps of a network with one output, larger: between pixels their softness is interpolated, its middle is the border. */
export function smooth({ alpha }: MaskMaps, from: Size, to: Size): MaskMaps {
  const out = { classes: new Uint8Array(to.width * to.height), alpha: new Uint8Array(to.width * to.height) };
  const columns = places(from.width, to.width);
  for (const [y, [top, down]] of places(from.height, to.height).entries()) {
    const [a, b] = [top * from.width, Math.min(from.height - 1, top + 1) * from.width];
    for (let x = 0, at = y * to.width; x < to.width; x++, at++) {
      const [left, across] = columns[x]!;
      const right = Math.min(from.width - 1, left + 1);
      const upper = alpha[a + left]! + (alpha[a + right]! - alpha[a + left]!) * across;
      const lower = alpha[b + left]! + (alpha[b + right]! - alpha[b + left]!) * across;
      const value = upper + (lower - upper) * down;
      out.alpha[at] = Math.round(value);
      out.classes[at] = value > 127.5 ? 1 : 0;
    }
  }
  return out;
}

/** For each of `to` places the pixel before it and how far it lies beyond. */
const places = (from: number, to: number): (readonly [first: number, beyond: number])[] =>
  Array.from({ length: to }, (_, i) => {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    return [Math.floor(at), at - Math.floor(at)];
  });

/** What is shown of a photo and its mask. */
export function composed(
  photo: Picture,
  shown: Shown,
  mask: MaskMaps,
  view: View,
  { opacity, classes }: { readonly opacity: number; readonly classes: number },
): Picture {
  const { picture, planes } = shown;
  const soft = view !== 'mask' && classes === 2 && picture.width > photo.width;
  const maps = (soft ? smooth : nearest)(mask, photo, picture);
  if (view !== 'overlay') return drawn(picture, maps, view, classes);
  const reach = photoReach(picture.height, picture.width);
  return toPicture(overlay(planes, maps.classes, { opacity, reach }));
}

/** Part of the photo that each class covers. */
export function sharesOf(classes: Uint8Array, count: number): number[] {
  const counts = new Array<number>(count).fill(0);
  for (const c of classes) counts[c] = (counts[c] ?? 0) + 1;
  return counts.map((n) => n / classes.length);
}
