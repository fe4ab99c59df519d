import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { settingsOf } from '../../cli/settings.js';
import { describeFinding } from '../../train/doctor/finding.js';
import { EVALUATION_FILE } from '../../train/run.js';
import { HttpProblem } from '../problem.js';
import type { RunDetail, StepSeries } from './api.js';
import { readLive } from './liveFile.js';
import { exists, inside } from './root.js';
import type { RunView } from './runs.js';

/** Pictures and the page that a run may have, by what they show. */
const PICTURES: Readonly<Record<string, string>> = {
  confusion: 'confusion.svg',
  samples: 'samples.png',
  worst: 'worst.png',
  best: 'best.png',
  report: 'report.html',
};
const SHEET = /^epoch-(\d{1,9})\.png$/;

/** Notes of a run that are told; the first ones say most. */
const NOTES = 500;

/** Everything about a run that a page shows. @throws HttpProblem 422 if it is damaged */
export async function runDetail(run: string, { summary, config, history }: RunView): Promise<RunDetail> {
  if (!config) throw new HttpProblem(422, summary.reason ?? 'the run is damaged');
  const [sheets, pictures, notes, confusion] = await Promise.all([
    sheetsOf(run),
    picturesOf(run),
    notesOf(run),
    confusionOf(run),
  ]);
  return {
    ...summary,
    config,
    history,
    settings: settingsOf(config),
    sheets,
    pictures,
    notes,
    ...(confusion ? { confusion } : {}),
  };
}

async function sheetsOf(run: string): Promise<RunDetail['sheets']> {
  const names = await readdir(join(run, 'samples')).catch(() => []);
  const sheets = names.flatMap((file) => {
    const epoch = SHEET.exec(file)?.[1];
    return epoch === undefined ? [] : [{ epoch: Number(epoch), file }];
  });
  return sheets.sort((a, b) => a.epoch - b.epoch);
}

async function picturesOf(run: string): Promise<RunDetail['pictures']> {
  const there = await Promise.all(
    Object.entries(PICTURES).map(async ([what, file]) => ((await exists(join(run, file))) ? [[what, file]] : [])),
  );
  return Object.fromEntries(there.flat()) as Record<string, string>;
}

/** Changes when a picture is new or drawn anew. */
export async function picturesStamp(run: string): Promise<string> {
  const [sheets, stamps] = await Promise.all([
    sheetsOf(run),
    Promise.all(Object.values(PICTURES).map((file) => stat(join(run, file)).catch(() => undefined))),
  ]);
  return `${sheets.length} ${sheets.at(-1)?.file} ${stamps.map((s) => s?.mtimeMs).join()}`;
}

async function notesOf(run: string): Promise<RunDetail['notes']> {
  const notes: RunDetail['notes'][number][] = [];
  const told = new Set<string>();
  await readLive(run, ['warning', 'finding', 'end'], (line) => {
    const text =
      line.type === 'warning'
        ? line.message
        : line.type === 'finding'
          ? describeFinding(line.finding)
          : line.reason === 'failed'
            ? line.message
            : undefined;
    // A run that goes on is told the same again.
    if (text === undefined || told.has(text) || notes.length >= NOTES) return;
    told.add(text);
    notes.push({ time: line.time, text, kind: line.type === 'finding' ? 'finding' : 'warning' });
  });
  return notes;
}

async function confusionOf(run: string): Promise<RunDetail['confusion']> {
  try {
    const { confusion } = JSON.parse(await readFile(join(run, EVALUATION_FILE), 'utf8')) as Partial<RunDetail>;
    const table =
      Array.isArray(confusion) && confusion.every((row) => Array.isArray(row) && row.every(Number.isFinite));
    return table ? confusion : undefined;
  } catch {
    // Not there (yet), or damaged: then it is not shown.
    return undefined;
  }
}

/** Most points of a curve of steps. */
const POINTS = 20_000;

/** The losses of a run's steps as it wrote them; what it threw away when it went on from an earlier step is left out. */
export async function stepSeries(run: string): Promise<StepSeries> {
  const step: number[] = [];
  const loss: number[] = [];
  const lr: number[] = [];
  let batches = 0;
  await readLive(run, ['start', 'steps'], (line) => {
    if (line.type === 'start') {
      batches = line.batches;
      while (step.length > 0 && step.at(-1)! > line.step) {
        step.pop();
        loss.pop();
        lr.pop();
      }
      return;
    }
    for (const [i, s] of line.step.entries()) {
      // Only what goes on can be drawn as a curve.
      if (s <= (step.at(-1) ?? 0)) continue;
      step.push(s);
      loss.push(line.loss[i] ?? Number.NaN);
      lr.push(line.lr[i] ?? Number.NaN);
    }
  });
  return { ...thinned({ step, loss, lr }), batches };
}

/** Neighbours become their mean where there are too many. */
function thinned({ step, loss, lr }: { step: number[]; loss: number[]; lr: number[] }) {
  const size = Math.ceil(step.length / POINTS);
  if (size <= 1) return { step, loss, lr };
  const out: { step: number[]; loss: number[]; lr: number[] } = { step: [], loss: [], lr: [] };
  for (let from = 0; from < step.length; from += size) {
    const to = Math.min(from + size, step.length);
    const part = loss.slice(from, to);
    out.step.push(step[to - 1]!);
    out.loss.push(part.reduce((sum, x) => sum + x, 0) / part.length);
    out.lr.push(lr[to - 1]!);
  }
  return out;
}

/** The path of a file that {@link runDetail} names. @throws HttpProblem 404 for all others */
export async function runFile(run: string, name: string): Promise<string> {
  const place = SHEET.test(name)
    ? join(run, 'samples', name)
    : Object.values(PICTURES).includes(name)
      ? join(run, name)
      : undefined;
  const path = place && (await inside(run, place));
  if (path === undefined) throw new HttpProblem(404, 'the run has no such picture');
  return path;
}
