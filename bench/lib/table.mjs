// Results as text: the table of one run, and the tables of docs/performance.md from saved results.
import { THERE_IS_NONE } from './setup.mjs';
import { tooDifferent } from './stats.mjs';

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(0);
const percent = (share) => `${(100 * share).toFixed(0)} %`;

/** Three digits, as many as the times deserve: 0.46, 12.3, 535, 1,298. */
export function milliseconds(ms) {
  if (ms >= 100) return Math.round(ms).toLocaleString('en');
  return ms.toFixed(ms >= 10 ? 1 : 2);
}

/** What one run found. */
export function resultText({
  workload,
  mode,
  batch,
  input,
  threads,
  isa,
  machine,
  limit,
  flops,
  rows,
  missing,
  curve,
}) {
  const lines = [
    `${mode === 'train' ? 'One training step' : 'Inference'} of ${workload}, ${[batch, ...input].join('x')}, float32, ${threads} threads${isa ? `, held to ${isa}` : ''}`,
    `${machine}; ${limit.best ? `FMA limit ${limit.best.toFixed(0)} GFLOP/s` : `FMA limit not measured: ${limit.missing}`}; ${(flops / 1e9).toPrecision(3)} GFLOP`,
    '',
    table(
      [
        'what',
        'median ms',
        'least',
        'spread',
        'time / ours',
        'GFLOP/s',
        'of limit',
        'peak MiB',
        'peak / ours',
        'differs by',
      ],
      rows.map((r, i) => [
        r.name,
        milliseconds(r.medianMs),
        milliseconds(r.minMs),
        r.steps > 1 ? `${(100 * r.spread).toFixed(1)} %` : 'one step',
        r.ratio.toPrecision(3),
        r.gflops.toPrecision(3),
        r.ofLimit === null ? '' : percent(r.ofLimit),
        mebibytes(r.peakBytes),
        r.peakRatio.toFixed(2),
        i === 0 ? '' : differenceText(r.difference),
      ]),
    ),
    ...missing.map((m) => `missing: ${m.label} (${m.missing})`),
  ];
  if (curve) lines.push('', curveTable(curve));
  return lines.join('\n');
}

function differenceText(difference) {
  if (difference === null) return 'not compared';
  const short = (n) => (n === 0 ? '0' : n.toExponential(0));
  const { value, step } = difference;
  const text = step === undefined ? short(value) : `${short(value)}, step ${(100 * step).toPrecision(1)} %`;
  return tooDifferent(difference) ? `**other numbers: ${text}**` : text;
}

/** Time for an image and peak memory against the batch. */
function curveTable(curve) {
  const names = [...new Set(curve.flatMap((c) => c.rows.map((r) => r.name)))];
  return table(
    ['batch', ...names.flatMap((n) => [`${n.replace(/ native.*/, '')}, ms an image`, 'peak MiB'])],
    curve.map(({ batch, rows }) => [
      batch,
      ...names.flatMap((name) => {
        const row = rows.find((r) => r.name === name);
        return row ? [milliseconds(row.medianMs / batch), mebibytes(row.peakBytes)] : ['', ''];
      }),
    ]),
  );
}

export const TITLES = {
  lenet5: 'LeNet-5',
  lenet: 'LeNet (Caffe)',
  vgg16: 'VGG16',
  'vgg11_bn-cifar': 'VGG11-BN',
  googlenet: 'GoogLeNet',
  unet: 'U-Net 64',
  unet512: 'U-Net 64',
};
const ORDER = Object.keys(TITLES);
export const inOrder = (results) => [...results].sort((a, b) => ORDER.indexOf(a.workload) - ORDER.indexOf(b.workload));

export const isTorch = (row) => row.name.startsWith('PyTorch');
/** The fastest of some rows, or nothing. */
export const fastest = (rows) => rows.reduce((best, r) => (!best || r.medianMs < best.medianMs ? r : best), undefined);

/** The tables of docs/performance.md: training, inference, batch curves; one group for each instruction set and machine. */
export function markdown(results) {
  const groups = groupBy(results, groupOf);
  return [...groups].map(([about, list]) => section(about, inOrder(list))).join('\n\n');
}

const groupOf = (r) => `${r.machine}; ${r.threads} threads${r.isa ? `; held to ${r.isa.toUpperCase()}` : ''}`;

function groupBy(list, key) {
  const groups = new Map();
  for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function section(about, results) {
  const dates = results.map((r) => r.date.slice(0, 10)).sort();
  const when = dates[0] === dates.at(-1) ? dates[0] : `${dates[0]} to ${dates.at(-1)}`;
  const parts = [`${about}; ${when}.`];
  for (const [mode, title] of [
    ['train', 'One training step, median ms:'],
    ['infer', 'Inference, median ms:'],
  ]) {
    const list = results.filter((r) => r.mode === mode);
    if (list.length > 0) parts.push(title, modeTable(list, mode), ...missingNotes(list));
  }
  for (const r of results.filter((r) => r.curve))
    parts.push(
      `${TITLES[r.workload] ?? r.workload}, ${r.mode === 'train' ? 'training step' : 'inference'}, against the batch:`,
      curveTable(r.curve),
    );
  return parts.join('\n\n');
}

function modeTable(list, mode) {
  // A column for every peer, those of PyTorch first; ours is the first row of every result.
  const peers = list.flatMap((r) => r.rows.slice(1));
  const names = [...new Set([...peers.filter(isTorch), ...peers].map((row) => row.name))];
  const shape = (r) => [r.batch, ...r.input].join('x');
  const best = mode === 'train' ? 'best PyTorch / ours' : 'best other / ours';
  return table(
    ['workload', 'Fovea', ...names, best, 'GFLOP/s', 'of FMA limit', 'peak MiB', 'of best PyTorch’s peak'],
    list.map((r) => {
      const [ours, ...others] = r.rows;
      const rival = fastest(mode === 'train' ? others.filter(isTorch) : others);
      const leanest = Math.min(...others.filter(isTorch).map((o) => o.peakBytes));
      return [
        `${TITLES[r.workload] ?? r.workload}, ${shape(r)}`,
        `**${milliseconds(ours.medianMs)}** ± ${percent(ours.spread)}`,
        ...names.map((name) => {
          const row = others.find((o) => o.name === name);
          return row ? milliseconds(row.medianMs) : '–';
        }),
        rival ? `**${rival.ratio.toFixed(1)}**` : '–',
        ours.gflops.toFixed(0),
        ours.ofLimit === null ? '–' : percent(ours.ofLimit),
        mebibytes(ours.peakBytes),
        Number.isFinite(leanest) ? (ours.peakBytes / leanest).toFixed(2) : '–',
      ];
    }),
  );
}

/** Each reason why a peer is missing, once, with the workloads that it is missing from; but no Python that is not there. */
function missingNotes(list) {
  const reasons = new Map();
  for (const r of list)
    for (const m of r.missing.filter((m) => m.missing !== THERE_IS_NONE)) {
      const key = `${m.label}: ${m.missing}`;
      reasons.set(key, [...(reasons.get(key) ?? []), TITLES[r.workload] ?? r.workload]);
    }
  const notes = [...reasons].map(([reason, names]) =>
    names.length === list.length ? reason : `${reason} (${[...new Set(names)].join(', ')})`,
  );
  return notes.length > 0 ? [`Missing: ${notes.join('; ')}.`] : [];
}
