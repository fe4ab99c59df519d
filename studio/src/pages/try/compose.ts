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

export function shownOf(photo: Picture): Shown {
  const { width, height, rgba } = photo;
  const factor = Math.min(1, Math.sqrt(MOST / (width * height)));
  if (factor === 1) return { picture: photo, planes: rgbPlanes(photo) };
  const [w, h] = [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
  const large = new OffscreenCanvas(width, height);
  large.getContext('2d')!.putImageData(new ImageData(rgba as Uint8ClampedArray<ArrayBuffer>, width, height), 0, 0);
  const small = new OffscreenCanvas(w, h).getContext('2d')!;
  small.imageSmoothingQuality = 'high';
  small.drawImage(large, 0, 0, w, h);
  const picture = { width: w, height: h, rgba: small.getImageData(0, 0, w, h).data };
  return { picture, planes: rgbPlanes(picture) };
}

/** The maps at another size: of each place the nearest value. */
function sampled({ classes, alpha }: MaskMaps, from: Picture, to: Picture): MaskMaps {
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

/** What is shown of a photo and its mask. */
export function composed(
  photo: Picture,
  shown: Shown,
  mask: MaskMaps,
  view: View,
  { opacity, classes }: { readonly opacity: number; readonly classes: number },
): Picture {
  const { picture, planes } = shown;
  const maps = sampled(mask, photo, picture);
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
