import type { Storage } from '../train/storage.js';
import { confusionChart } from './confusion.js';
import { curveChart, curveNames, learningRateChart } from './curves.js';
import type { ReportData } from './data.js';
import { metricTitle } from './format.js';
import { reportHtml } from './html.js';
import { samplePng, sampleSheet } from './sheet.js';

/**
 * Draws the pictures of a run and puts them into its directory: `loss.svg`, `accuracy.svg` (a curve for each metric),
 * `learning-rate.svg` where it changed, `confusion.svg`, `samples.png`, and `report.html`, which holds them all and
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
  await write('report.html', reportHtml(data, { curves, confusion, samples }));
  return files;
}
