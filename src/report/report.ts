import type { Storage } from '../train/storage.js';
import { confusionChart } from './confusion.js';
import { curveChart, curveNames, learningRateChart } from './curves.js';
import type { MaskReport, ReportData } from './data.js';
import { metricTitle } from './format.js';
import { reportHtml } from './html.js';
import type { MaskPictures } from './maskHtml.js';
import type { MaskSample } from './maskSamples.js';
import { maskSheet, maskTiles } from './maskSheet.js';
import { samplePng, sampleSheet } from './sheet.js';

/**
 * Draws the pictures of a run and puts them into its directory: `loss.svg`, `accuracy.svg` (a curve for each metric),
 * `learning-rate.svg` where it changed, `confusion.svg`, `samples.png` (for masks also `worst.png`, `best.png`), and `report.html`, which holds them all and
 * needs nothing beside it.
 * @returns the names of the files, the page last
 */
export async function writeReport(storage: Storage, data: ReportData): Promise<string[]> {
  const files: string[] = [];
  const write = async (name: string, content: string | Uint8Array) => {
    await storage.writeAtomic(name, content);
    files.push(name);
  };
  const curves = [];
  if (data.history.length > 0) {
    for (const name of curveNames(data.history)) {
      const chart = await curveChart(data.history, name, data.best?.epoch);
      curves.push({ title: name === 'loss' ? 'Loss' : metricTitle(name), chart });
      await write(`${name.replaceAll(/[^\w.-]+/g, '-')}.svg`, chart.file);
    }
    if (new Set(data.history.map((r) => r.lr)).size > 1) {
      const chart = await learningRateChart(data.history);
      curves.push({ title: 'Learning rate', chart });
      await write('learning-rate.svg', chart.file);
    }
  }
  const { evaluation, classes } = data;
  const confusion = evaluation?.confusion && (await confusionChart(evaluation.confusion, classes));
  if (confusion) await write('confusion.svg', confusion.file);
  const samples: Uint8Array[] = [];
  if (evaluation && evaluation.samples.length > 0) {
    await write(
      'samples.png',
      await sampleSheet(evaluation.samples, classes, `${data.title}: ${evaluation.split} set`),
    );
    for (const sample of evaluation.samples) samples.push(await samplePng(sample));
  }
  const masks = data.masks && (await drawMasks(data.masks, data.title, write));
  await write('report.html', reportHtml(data, { curves, confusion, samples, ...(masks ? { masks } : {}) }));
  return files;
}

/** Sheets of masks (`samples.png`, `worst.png`, `best.png`), and their pictures one by one for the page. */
async function drawMasks(
  masks: MaskReport,
  title: string,
  write: (name: string, content: Uint8Array) => Promise<void>,
): Promise<MaskPictures> {
  const { classes, ignoreIndex, split } = masks;
  const sheet = async (name: string, samples: readonly MaskSample[], what: string) => {
    if (samples.length === 0) return;
    const subtitle = `${split} set: ${what}; white: the true border`;
    await write(name, await maskSheet(samples, { title, subtitle, classes, ignoreIndex }));
  };
  await sheet('samples.png', masks.shown, 'always the same images');
  await sheet('worst.png', masks.worst, 'the lowest IoU');
  await sheet('best.png', masks.best, 'the highest IoU');
  const pictures = (samples: readonly MaskSample[]) =>
    Promise.all(samples.map((s) => maskTiles(s, ignoreIndex, 'webp')));
  return {
    shown: await pictures(masks.shown),
    worst: await pictures(masks.worst),
    best: await pictures(masks.best),
  };
}
