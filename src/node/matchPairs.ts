import { mapSome } from './folderDataset.js';
import { type ImageHeader, imageHeader } from './image.js';
import type { MaskedPhoto } from './maskDataset.js';
import type { Pair } from './maskPairs.js';
import type { Mended } from './mended.js';

/** A pair whose mask fits its photo, or can be made to. */
export interface Matched extends MaskedPhoto {
  readonly pair: Pair;
  readonly grey: boolean;
  readonly scaled: boolean;
  /** EXIF orientation of the photo. */
  readonly turned: number;
}

interface Size {
  readonly height: number;
  readonly width: number;
}

/** Largest difference of aspect ratios that is put down to rounding. */
const ASPECT = 0.03;

/** Both show the same picture, at whatever scale: their sides are proportional to within a pixel or 3 %. */
function proportional(a: Size, b: Size): boolean {
  const off = Math.abs(a.width * b.height - b.width * a.height);
  return off <= Math.max(a.width, a.height, ASPECT * a.width * b.height);
}

/**
 * Looks at the headers of photos and masks and finds out how each mask lies on its photo. A mask of another size is scaled. Where
 * the photo has an EXIF rotation, the mask may have been drawn on the photo as stored or as shown: its sides say which, and where
 * they do not, what holds for most of the others, else as shown.
 *
 * @param skipped gets a sentence for each pair that cannot be used: a header that cannot be read, sides that do not fit
 */
export async function matchPairs(pairs: readonly Pair[], skipped: string[], mended: Mended): Promise<Matched[]> {
  const headers = await mapSome(pairs, async ({ image, mask }) => {
    try {
      return await Promise.all([imageHeader(image), imageHeader(mask)]);
    } catch (error) {
      return (error as Error).message;
    }
  });
  const votes = { shown: 0, stored: 0 };
  for (const header of headers) {
    if (typeof header === 'string' || header[0].orientation === 1) continue;
    const { shown, stored } = layings(...header);
    if (shown !== stored) votes[shown ? 'shown' : 'stored']++;
  }
  const matched: Matched[] = [];
  for (const [i, header] of headers.entries()) {
    const pair = pairs[i]!;
    if (typeof header === 'string') {
      skipped.push(header);
      continue;
    }
    const [photo, mask] = header;
    const { shown, stored } = layings(photo, mask);
    if (!shown && !stored) {
      skipped.push(
        `the mask ${pair.mask} is ${mask.width} x ${mask.height}, its photo ${pair.image} ${photo.width} x ${photo.height}: ` +
          'they do not show the same picture',
      );
      continue;
    }
    const asStored = stored && (!shown || votes.stored > votes.shown);
    const sides = asStored && photo.orientation >= 5 ? { height: mask.width, width: mask.height } : mask;
    matched.push({
      pair,
      image: pair.image,
      mask: pair.mask,
      height: photo.height,
      width: photo.width,
      orientation: asStored ? photo.orientation : 1,
      grey: photo.grey,
      scaled: sides.height !== photo.height || sides.width !== photo.width,
      turned: photo.orientation,
    });
  }
  mended.pairs = pairs.length;
  return matched;
}

/** Whether the mask fits the photo as it is shown, and as it is stored. */
function layings(photo: ImageHeader, mask: Size): { shown: boolean; stored: boolean } {
  const sideways = photo.orientation >= 5;
  const raw = sideways ? { height: photo.width, width: photo.height } : photo;
  return { shown: proportional(photo, mask), stored: photo.orientation > 1 && proportional(raw, mask) };
}
