import type { Chart } from './chart.js';
import { classScores, commonMixups } from './confusion.js';
import { curveNames } from './curves.js';
import type { Evaluation, ReportData } from './data.js';
import {
  formatCount,
  formatDuration,
  formatMetric,
  formatNumber,
  formatPercent,
  formatPlain,
  metricTitle,
} from './format.js';
import { type MaskPictures, maskSections } from './maskHtml.js';
import { page } from './page.js';
import { isWrong, type Sample } from './samples.js';
import { escapeXml as e } from './theme.js';

/** Pictures of a report, drawn before the page is put together. */
export interface ReportPictures {
  readonly curves: readonly { readonly title: string; readonly chart: Chart }[];
  readonly confusion?: Chart;
  /** PNG of each sample, in order. */
  readonly samples: readonly Uint8Array[];
  /** There where the report has masks. */
  readonly masks?: MaskPictures;
}

/** One page with everything in it: no script, no font and no picture comes from elsewhere. */
export function reportHtml(data: ReportData, pictures: ReportPictures): string {
  const body = [
    data.state ? `<p class="warn">${e(data.state)}</p>` : '',
    figures(data),
    curves(data, pictures),
    data.evaluation ? confusion(data, data.evaluation, pictures) : '',
    data.evaluation ? samples(data, data.evaluation, pictures) : '',
    data.masks && pictures.masks ? maskSections(data.masks, pictures.masks) : '',
    epochs(data),
    configuration(data),
  ];
  return page(data, body);
}

function figures({ evaluation, history, best, parameters }: ReportData): string {
  const cards: string[] = [];
  const card = (value: string, name: string, main = false) =>
    cards.push(`<div class="figure${main ? ' main' : ''}"><b>${e(value)}</b><span>${e(name)}</span></div>`);
  if (evaluation) {
    const { accuracy } = evaluation.metrics;
    if (accuracy !== undefined) card(formatPercent(accuracy), `${evaluation.split} accuracy`, true);
    else
      for (const [i, name] of ['iou', 'dice'].filter((n) => evaluation.metrics[n] !== undefined).entries())
        card(formatPercent(evaluation.metrics[name]!), `${evaluation.split} ${metricTitle(name)}`, i === 0);
    card(formatNumber(evaluation.loss), `${evaluation.split} loss`);
    if (accuracy !== undefined)
      card(formatCount(Math.round((1 - accuracy) * evaluation.images)), `wrong of ${formatCount(evaluation.images)}`);
  }
  if (best) card(String(best.epoch), `best epoch of ${history.length}`);
  const seconds = history.reduce((sum, r) => sum + r.seconds, 0);
  if (history.length > 0) {
    card(formatDuration(seconds), 'training time');
    const speeds = history.map((r) => r.imagesPerSecond).sort((a, b) => a - b);
    card(formatCount(speeds[Math.floor(speeds.length / 2)]!), 'images per second');
  }
  card(formatCount(parameters), 'parameters');
  return `<div class="figures">${cards.join('')}</div>`;
}

const chartBlock = (title: string, chart: Chart, note = '') =>
  `<section><h2>${e(title)}</h2><div class="chart">${chart.inline}</div>${note && `<p class="note">${e(note)}</p>`}</section>`;

function curves({ history }: ReportData, { curves: charts }: ReportPictures): string {
  if (history.length === 0) return '';
  const note = 'Training values are running means of the epoch, taken while the weights change; validation follows it.';
  return `<div class="pair${charts.length % 2 ? ' odd' : ''}">${charts.map(({ title, chart }, i) => chartBlock(title, chart, i === 0 ? note : '')).join('')}</div>`;
}

function confusion({ classes }: ReportData, evaluation: Evaluation, pictures: ReportPictures): string {
  if (!evaluation.confusion || !pictures.confusion) return '';
  const rows = classScores(evaluation.confusion, classes).map(
    (c) =>
      `<tr><td>${e(c.name)}</td>${[c.precision, c.recall, c.f1].map((v) => `<td>${formatPercent(v)}</td>`).join('')}<td>${formatCount(c.count)}</td></tr>`,
  );
  const mixups = commonMixups(evaluation.confusion, classes).map(
    (m) => `${m.truth} taken for ${m.predicted} (${formatCount(m.count)})`,
  );
  const note = mixups.length > 0 ? `<p class="note">Most common mistakes: ${e(mixups.join(', '))}.</p>` : '';
  return `<div class="pair">${chartBlock(
    'Confusion matrix',
    pictures.confusion,
    `${capital(evaluation.split)} set, ${evaluation.weights} weights. A row is a true class; mistakes are shaded by the square root of their share.`,
  )}<section><h2>Classes</h2><div class="scroll"><table><tr><th>class</th><th>precision</th><th>recall</th><th>F1</th><th>images</th></tr>${rows.join('')}</table></div>${note}</section></div>`;
}

function samples({ classes }: ReportData, evaluation: Evaluation, pictures: ReportPictures): string {
  if (evaluation.samples.length === 0) return '';
  const wrong = evaluation.samples.filter(isWrong).length;
  const items = evaluation.samples.map((s, i) => sampleItem(s, pictures.samples[i]!, classes));
  const note =
    wrong > 0
      ? `The ${wrong === 1 ? 'mistake comes' : `${wrong} mistakes come`} first, the surest before the others; then right answers from all over the ${evaluation.split} set.`
      : `Right answers from all over the ${evaluation.split} set.`;
  return `<section><h2>Sample predictions</h2><ul class="samples">${items.join('')}</ul><p class="note">${e(note)}</p></section>`;
}

function sampleItem(sample: Sample, png: Uint8Array, classes: readonly string[]): string {
  const bad = isWrong(sample);
  const predicted = classes[sample.predicted] ?? String(sample.predicted);
  const truth = sample.truth === undefined ? '' : (classes[sample.truth] ?? String(sample.truth));
  const alt = `image ${sample.index}: predicted ${predicted}${truth && `, true class ${truth}`}`;
  const small = Math.max(...sample.shape.slice(1)) < 96;
  return `<li${bad ? ' class="wrong"' : ''}><img${small ? ' class="small"' : ''} alt="${e(alt)}" src="data:image/png;base64,${base64(png)}"><b>${e(predicted)}<i>${bad ? '✗' : '✓'}</i></b><span>${formatPercent(sample.probability, 1)}</span>${bad ? `<span>true: ${e(truth)}</span>` : ''}</li>`;
}

function epochs({ history, best }: ReportData): string {
  if (history.length === 0) return '';
  const names = curveNames(history);
  const valid = history.some((r) => r.valid);
  const head = names.flatMap((n) => [`train ${title(n)}`, ...(valid ? [`valid ${title(n)}`] : [])]);
  const rows = history.map((r) => {
    const cells = names.flatMap((n) => [r.train[n], ...(valid ? [r.valid?.[n]] : [])].map((v) => cell(n, v)));
    const last = [formatPlain(r.lr), formatDuration(r.seconds), formatCount(r.imagesPerSecond)];
    return `<tr${r.epoch === best?.epoch ? ' class="best"' : ''}>${[String(r.epoch), ...cells, ...last].map((c) => `<td>${e(c)}</td>`).join('')}</tr>`;
  });
  const columns = ['epoch', ...head, 'learning rate', 'time', 'images/s'];
  return `<section><h2>Epochs</h2><div class="scroll"><table><tr>${columns.map((c) => `<th>${e(c)}</th>`).join('')}</tr>${rows.join('')}</table></div></section>`;
}

const title = (name: string) => metricTitle(name).toLowerCase();
const cell = (name: string, value: unknown) => (typeof value === 'number' ? formatMetric(name, value) : '');

function configuration({ configuration: settings, command, versions }: ReportData): string {
  const all: (readonly [string, string])[] = [
    ...settings,
    [
      'versions',
      Object.entries(versions)
        .map(([n, v]) => `${n} ${v}`)
        .join(', '),
    ],
  ];
  const items = all.map(([name, value]) => `<dt>${e(name)}</dt><dd>${e(value)}</dd>`);
  return `<section><h2>Configuration</h2><dl>${items.join('')}</dl>${command ? `<pre><code>${e(command)}</code></pre>` : ''}</section>`;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}
