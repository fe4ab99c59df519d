import { classRgb, overlay, photoReach } from '../../report/overlay.js';
import type { MaskCollector } from '../../train/photoMask.js';
import { type Picture, rgbPlanes, toPicture } from './pixels.js';

/** What is shown of a photo. */
export type View = 'cutout' | 'overlay' | 'mask' | 'photo';

/** A photo with its mask, as it is shown and saved. */
export function drawn(
  picture: Picture,
  mask: Pick<MaskCollector, 'classes' | 'alpha'>,
  view: View,
  classes: number,
): Picture {
  const { height, width } = picture;
  if (view === 'photo') return picture;
  if (view === 'overlay')
    return toPicture(overlay(rgbPlanes(picture), mask.classes, { reach: photoReach(height, width) }));
  const rgba = new Uint8ClampedArray(picture.rgba);
  if (view === 'cutout') for (let i = 0; i < mask.alpha.length; i++) rgba[4 * i + 3] = mask.alpha[i]!;
  else
    for (let i = 0; i < mask.classes.length; i++) {
      const c = mask.classes[i]!;
      const rgb = c === 0 ? 0 : classes === 2 ? 0xffffff : classRgb(c);
      for (let k = 0; k < 3; k++) rgba[4 * i + k] = (rgb >> (16 - 8 * k)) & 255;
    }
  return { height, width, rgba };
}
