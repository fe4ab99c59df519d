import { mean } from '../race/stats.js';
import type { Storage } from '../train/storage.js';
import type { Chart } from './chart.js';
import { formatBytes, formatCount, formatDuration, formatPercent } from './format.js';
import { page } from './page.js';
import { costChart, raceCurves } from './raceCharts.js';
import type { RaceContestant, RaceReportData } from './raceData.js';
import { escapeXml as e } from './theme.js';

/** Classes of the table of differences; of more those that differ most. */
const CLASSES = 20;

/**
 * Draws the report of a race: the table, what can be concluded, scores against costs, learning curves and classes.
 * `report.html` needs nothing beside it; the charts are also there as files.
 * @returns names of the files, the page last
 */
export async function writeRaceReport(storage: Storage, data: RaceReportData): Promise<string[]> {
  const { contestants } = data;
  const files: string[] = [];
  const drawn = async (name: string, chart: Promise<Chart>) => {
    const { file, inline } = await chart;
    await storage.writeAtomic(name, file);
    files.push(name);
    return inline;
  };
  const seconds = (c: RaceContestant) => mean(c.entries.map((x) => x.seconds));
  const costs = [
    ['time', await drawn('time.svg', costChart(contestants, 'training seconds to these weights', seconds, false))],
    [
      'parameters',
      await drawn(
        'parameters.svg',
        costChart(contestants, 'parameters', (c) => c.parameters, true),
      ),
    ],
    [
      'multiply-adds',
      await drawn(
        'multiply-adds.svg',
        costChart(contestants, 'multiply-adds an image', (c) => c.multiplyAdds, true),
      ),
    ],
    [
      'memory',
      await drawn(
        'memory.svg',
        costChart(contestants, 'bytes to train', (c) => c.memoryBytes, true),
      ),
    ],
  ] as const;
  const curves = contestants.some((c) => c.entries.some((x) => x.curve.length > 0))
    ? [
        await drawn('curves-time.svg', raceCurves(contestants, 'seconds')),
        await drawn('curves-epochs.svg', raceCurves(contestants, 'epoch')),
      ]
    : [];
  const body = [
    `<section><h2>What can be concluded</h2>${data.conclusions.map((s) => `<p>${e(s)}</p>`).join('')}</section>`,
    results(data),
    `<div class="pair">${costs.map(([name, svg]) => `<section><h2>${capital(data.measure)} and ${name}</h2><div class="chart">${svg}</div></section>`).join('')}</div>`,
    curves.length > 0
      ? `<div class="pair">${curves.map((svg, i) => `<section><h2>${i === 0 ? 'By training time' : 'By epochs'}</h2><div class="chart">${svg}</div>${i === 0 ? bandNote(data) : ''}</section>`).join('')}</div>`
      : '',
    classTable(data),
    `<section><h2>Configuration</h2><dl>${data.configuration.map(([n, v]) => `<dt>${e(n)}</dt><dd>${e(v)}</dd>`).join('')}</dl></section>`,
  ];
  await storage.writeAtomic('report.html', page({ ...data, versions: { fovea: data.version } }, body));
  return [...files, 'report.html'];
}

const bandNote = ({ curve }: RaceReportData) =>
  `<p class="note">${e(curve)} after each epoch: the mean over the seeds, in a band from the lowest to the highest seed (from three seeds on: the 95 % interval of the mean).</p>`;

function results({ contestants, measure, split, images, otherImages }: RaceReportData): string {
  const rows = contestants.map((c) => {
    const scores = c.entries.map((x) => x.score);
    const failed = c.entries.find((x) => x.failed !== undefined);
    const cells = [
      c.name + (failed ? ' (diverged)' : ''),
      formatPercent(mean(scores)),
      scores.map((s) => formatPercent(s)).join(', '),
      formatDuration(mean(c.entries.map((x) => x.seconds))),
      mean(c.entries.map((x) => x.epochs)).toFixed(1),
      formatCount(c.parameters),
      formatCount(c.multiplyAdds),
      formatBytes(c.memoryBytes),
    ];
    return `<tr>${cells.map((x) => `<td>${e(x)}</td>`).join('')}</tr>`;
  });
  const head = ['contestant', measure, 'by seed', 'training', 'epochs', 'parameters', 'multiply-adds', 'memory'];
  return `<section><h2>Results</h2><div class="scroll"><table><tr>${head.map((h) => `<th>${e(h)}</th>`).join('')}</tr>${rows.join('')}</table></div><p class="note">${e(`${capital(measure)} on the ${formatCount(images)} images of the ${split} set${otherImages ? ' (others for each seed)' : ''}, ${weightsNote(contestants)}. Training time counts steps only: validation, checkpoints, compiling and loading are left out for all alike.`)}</p></section>`;
}

/** Which weights were measured. */
function weightsNote(contestants: readonly RaceContestant[]): string {
  const runs = contestants.flatMap((c) => c.entries);
  const last = runs.filter((r) => r.weights === 'last').length;
  const best = 'with the weights that were best on the validation set';
  if (last === 0) return best;
  const end = 'with those of the end (no epoch was finished, or they were better on the validation set)';
  return last === runs.length ? end : `${best}; ${last} of ${runs.length} runs ${end}`;
}

/** Scores of each class, coloured by the difference from the mean of the contestants. */
function classTable({ contestants, classes, measure }: RaceReportData): string {
  const rows = classes.map((name, k) => {
    const values = contestants.map((c) => {
      const found = c.entries.map((x) => x.classes[k]).filter((v): v is number => typeof v === 'number');
      return found.length > 0 ? mean(found) : Number.NaN;
    });
    return { name, values, spread: Math.max(...values) - Math.min(...values) };
  });
  const shown = rows
    .filter((r) => Number.isFinite(r.spread))
    .sort((a, b) => b.spread - a.spread)
    .slice(0, CLASSES);
  if (shown.length === 0) return '';
  const cells = ({ name, values, spread }: (typeof shown)[number]) => {
    const middle = mean(values);
    const shaded = values.map((v) => {
      const d = v - middle;
      const shade = Math.min(60, Math.round(400 * Math.abs(d)));
      const mix = `color-mix(in srgb, var(--${d >= 0 ? 'good' : 'bad'}) ${shade}%, transparent)`;
      return `<td style="background:${mix}">${formatPercent(v, 1)}</td>`;
    });
    return `<tr><td>${e(name)}</td>${shaded.join('')}<td>${(100 * spread).toFixed(1)}</td></tr>`;
  };
  const head = ['class', ...contestants.map((c) => c.name), 'spread'];
  const most = classes.length > shown.length ? `The ${shown.length} classes that differ most. ` : '';
  return `<section><h2>Classes</h2><div class="scroll"><table><tr>${head.map((h) => `<th>${e(h)}</th>`).join('')}</tr>${shown.map(cells).join('')}</table></div><p class="note">${e(`${most}${measure === 'IoU' ? 'IoU' : 'Recall'} of each class, mean over the seeds; colours: above or below the mean of the contestants. Single classes have few images: small differences there are chance.`)}</p></section>`;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
