import type { MaskReport } from './data.js';
import { formatCount } from './format.js';
import type { MaskSample } from './maskSamples.js';
import { iouText, type MaskTiles } from './maskSheet.js';
import { escapeXml as e } from './theme.js';

/** Pictures of the masks of a report, WebP or PNG. */
export interface MaskPictures {
  readonly shown: readonly MaskTiles[];
  readonly worst: readonly MaskTiles[];
  readonly best: readonly MaskTiles[];
}

const uri = (bytes: Uint8Array) => {
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  const type = bytes[0] === 0x89 ? 'png' : 'webp';
  return `data:image/${type};base64,${btoa(binary)}`;
};

/** The sections about masks: progress over the epochs, the same photos at the end, the worst and the best. */
export function maskSections(masks: MaskReport, pictures: MaskPictures): string {
  const { split, images, undefinedIou } = masks;
  const undefinedNote =
    undefinedIou > 0
      ? ` ${formatCount(undefinedIou)} of ${formatCount(images)} images have no foreground and none was predicted: their IoU is undefined, and they are not ranked.`
      : '';
  return [
    progress(masks),
    section(
      'Sample masks',
      masks.shown,
      pictures.shown,
      `The same images of the ${split} set as in the sheets of the epochs. In the overlay the prediction is tinted and bordered in colour; the white line is the true border.`,
    ),
    section('Worst predictions', masks.worst, pictures.worst, `Lowest IoU of the ${split} set.${undefinedNote}`),
    section('Best predictions', masks.best, pictures.best, `Highest IoU of the ${split} set.`),
  ].join('\n');
}

function section(title: string, samples: readonly MaskSample[], tiles: readonly MaskTiles[], note: string): string {
  if (samples.length === 0) return '';
  const cards = samples.map((sample, i) => card(sample, tiles[i]!));
  return `<section><h2>${e(title)}</h2><div class="cuts">${cards.join('')}</div><p class="note">${e(note)}</p></section>`;
}

const HEADS: readonly (readonly [keyof MaskTiles, string])[] = [
  ['photo', 'photo'],
  ['truth', 'true mask'],
  ['predicted', 'prediction'],
  ['overlay', 'overlay'],
];

function card(sample: MaskSample, tiles: MaskTiles): string {
  const images = HEADS.map(
    ([key, name]) =>
      `<div><img alt="image ${sample.index}: ${name}" src="${uri(tiles[key])}"><span>${name}</span></div>`,
  );
  return `<figure><div class="four">${images.join('')}</div><figcaption>image ${sample.index}<b>${iouText(sample.iou)}</b></figcaption></figure>`;
}

function progress({ progress: shown }: MaskReport): string {
  if (!shown || shown.epochs.length < 2) return '';
  const head = shown.epochs.map((epoch) => `<th>epoch ${epoch}</th>`).join('');
  const rows = shown.photos.map(
    (overlays, i) =>
      `<tr>${overlays.map((png, k) => `<td><img alt="photo ${i + 1} at epoch ${shown.epochs[k]}" src="${uri(png)}"></td>`).join('')}</tr>`,
  );
  return `<section><h2>Progress</h2><div class="scroll"><table class="progress"><tr>${head}</tr>${rows.join('')}</table></div><p class="note">The same validation images over the epochs; whole sheets are in the folder samples.</p></section>`;
}
